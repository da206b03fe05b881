import type { IotCoreCredentials } from '../../credentials/types.ts';

/** Credentials as environment variables. */
export function variablesOf({
  accessKeyId,
  secretAccessKey,
  sessionToken,
  expiration,
}: IotCoreCredentials): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_CREDENTIAL_EXPIRATION: expiration.toISOString(),
  };
}
