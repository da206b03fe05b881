import { createSource } from './credentials/source.ts';
import type { IotCoreCredentialProvider } from './credentials/types.ts';
import { checkOptions, type FromIotCoreInit } from './options/options.ts';

/**
 * Creates a credential provider for the AWS SDK with a device certificate and its private key.
 *
 * The provider returns valid credentials, from memory if possible: concurrent callers share one request, new
 * credentials are fetched before the current ones expire, and if that fails the current ones are returned as long as
 * they are valid. Failures are retried with exponential backoff; calls meanwhile wait for the retry, up to `maxWaitMs`,
 * or reject with the last error. Pass the same provider to all clients, so that they share the credentials.
 *
 * @example
 * ```ts
 * const credentials = fromIotCore({
 *   endpoint: 'abc123.credentials.iot.eu-west-1.amazonaws.com',
 *   roleAlias: 'my-role-alias',
 *   thingName: 'my-thing',
 *   certificate: 'my-thing-cert.pem',
 *   privateKey: 'my-thing-key.pem',
 * });
 * const s3 = new S3Client({ region: 'eu-west-1', credentials });
 * ```
 *
 * @returns a function that returns credentials, or rejects with a {@link CredentialHelperError} for failures of
 * token, network or service
 * @throws {@link CredentialHelperError} at once, for invalid options, unreadable files, and a key that does not
 * belong to the certificate
 */
export function fromIotCore(init: FromIotCoreInit): IotCoreCredentialProvider {
  return createSource(checkOptions(init)).credentials;
}
