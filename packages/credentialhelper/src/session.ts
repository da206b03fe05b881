import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { CredentialHelperError } from './errors.ts';
import { checkOptions, type IotCoreOptions } from './options/options.ts';
import { regionOfEnvironment } from './options/region.ts';
import { createProvider } from './provider.ts';

/** What a client of the AWS SDK takes: `new STSClient(session)`. */
export interface Session {
  /** The AWS region: as given, as the endpoint's name says, or as the environment says. */
  readonly region: string;
  /**
   * Gives credentials that are valid now; see `fromIotCore`. `credentials({ forceRefresh: true })` fetches new ones, as the
   * SDK's own providers do.
   */
  readonly credentials: AwsCredentialIdentityProvider;
}

/**
 * Opens a session: region and self-refreshing credentials, ready for any client of the AWS SDK for JavaScript v3.
 *
 * Nothing is sent before the first client asks for credentials.
 *
 * @example
 * ```ts
 * const session = createSession({
 *   endpoint: 'abc123.credentials.iot.eu-west-1.amazonaws.com',
 *   roleAlias: 'my-role-alias',
 *   thingName: 'my-thing',
 *   certificate: 'my-thing-cert.pem',
 *   pkcs11: {
 *     library: '/usr/lib/softhsm/libsofthsm2.so',
 *     userPin: '1234',
 *     tokenLabel: 'my-token',
 *     privateKeyLabel: 'my-key',
 *   },
 * });
 * const sts = new STSClient(session);
 * ```
 *
 * @throws {@link CredentialHelperError} at once, for options that are wrong (`ERR_INVALID_OPTION`, `ERR_KEY_SOURCE`,
 * `ERR_DATA_ENDPOINT`, `ERR_REGION_UNKNOWN`), files that cannot be read, and a key that does not belong to the
 * certificate
 */
export function createSession(options: IotCoreOptions): Session {
  const settings = checkOptions(options);
  const region = settings.region ?? regionOfEnvironment();
  if (region === undefined) {
    throw new CredentialHelperError('the AWS region cannot be read from "endpoint"', {
      code: 'ERR_REGION_UNKNOWN',
      hint: 'pass it as "region", or set AWS_REGION',
    });
  }
  return { region, credentials: createProvider(settings) };
}
