import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { exchange, type TemporaryCredentials } from './exchange/exchange.ts';
import { createMutualTls } from './exchange/mutual-tls.ts';
import { watchCertificateDates } from './identity/certificate-dates.ts';
import { checkOptions, type IotCoreOptions, type Settings } from './options/options.ts';
import { holdProcess } from './process/hold.ts';
import { createRefresher } from './refresh/refresher.ts';

/**
 * Makes a credential provider for the AWS SDK from a device certificate and its private key.
 *
 * The provider gives credentials that are valid now, from memory where it can: one request serves all who wait for it,
 * a new one goes out before the credentials end, and while it fails the old ones are given as long as they are valid.
 * Give the same provider to all clients, so that they share it.
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
 * @returns a function that gives credentials, or rejects with a {@link CredentialHelperError} for what went wrong in
 * the token, on the wire or at the service
 * @throws {@link CredentialHelperError} at once, for options that are wrong, files that cannot be read, and a key that
 * does not belong to the certificate
 */
export function fromIotCore(options: IotCoreOptions): AwsCredentialIdentityProvider {
  return createProvider(checkOptions(options));
}

/** The provider for options that have been checked. */
export function createProvider(settings: Settings): AwsCredentialIdentityProvider {
  const { endpoint, logger, roleAlias, thingName } = settings;
  // Looked up at each call: tests replace it.
  const now = () => Date.now();
  const dates = watchCertificateDates(logger, now);
  const get = createMutualTls(settings, dates);
  const fetch = async (): Promise<TemporaryCredentials> => {
    const credentials = await exchange(
      { ...endpoint, roleAlias, thingName },
      get,
      now,
      dates.explain,
    );
    logger?.info(
      `credentials for role alias "${roleAlias}" from ${endpoint.authority}, valid until ${credentials.expiration.toISOString()}`,
    );
    return credentials;
  };
  const refresher = createRefresher({
    fetch,
    now,
    random: Math.random,
    hold: holdProcess,
    onRefreshFailed: (error, retryAtMs, expiration) => {
      logger?.warn(
        `refreshing the credentials failed: ${(error as Error).message}; the ones at hand are valid until ${expiration.toISOString()}, next try not before ${new Date(retryAtMs).toISOString()}`,
      );
    },
  });
  // A copy for each caller: the SDK writes into what it is given.
  return async (properties) => ({
    ...(await refresher({ forceRefresh: properties?.forceRefresh === true })),
  });
}
