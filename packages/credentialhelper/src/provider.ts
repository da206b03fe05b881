import type { AwsCredentialIdentity } from '@smithy/types';
import { CredentialHelperError } from './errors.ts';
import { exchange, type TemporaryCredentials } from './exchange/exchange.ts';
import { createMutualTls } from './exchange/mutual-tls.ts';
import { watchCertificateDates } from './identity/certificate-dates.ts';
import {
  type ClientConfig,
  checkLogger,
  checkOptions,
  type FromIotCoreInit,
  type Settings,
} from './options/options.ts';
import { holdProcess } from './process/hold.ts';
import { createRefresher, type Refresher } from './refresh/refresher.ts';

/** Temporary credentials, with the end that they always have. */
export interface IotCoreCredentials extends AwsCredentialIdentity {
  /** The session token, which goes with each request that is signed with the credentials. */
  readonly sessionToken: string;
  /** When they end, by the server's clock. */
  readonly expiration: Date;
}

/** What may be asked of a provider. */
export interface CredentialRequest {
  /** Whether the credentials must be fetched now, or be those that are on their way. Default false. */
  readonly forceRefresh?: boolean | undefined;
  /** What clients of the AWS SDK pass: their configuration, of which the logger is used where the session has none. */
  readonly callerClientConfig?: ClientConfig | undefined;
}

/** Gives credentials that are valid now. A client of the AWS SDK takes it as `credentials`. */
export type IotCoreCredentialProvider = (
  request?: CredentialRequest,
) => Promise<IotCoreCredentials>;

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
export function fromIotCore(init: FromIotCoreInit): IotCoreCredentialProvider {
  return createSource(checkOptions(init)).credentials;
}

/** A source of credentials, and what its owner may do with it. */
export interface CredentialSource
  extends Pick<Refresher<TemporaryCredentials>, 'expiration' | 'close'> {
  readonly credentials: IotCoreCredentialProvider;
}

/** The source of credentials for options that have been checked. */
export function createSource(settings: Settings): CredentialSource {
  const { endpoint, roleAlias, thingName, userAgent } = settings;
  let { logger } = settings;
  // Looked up at each call: tests replace it.
  const now = () => Date.now();
  const dates = watchCertificateDates(logger, now);
  const get = createMutualTls(settings, dates);
  const fetch = async (): Promise<TemporaryCredentials> => {
    const credentials = await exchange(
      { ...endpoint, roleAlias, thingName, userAgent },
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
    closed: () =>
      new CredentialHelperError('the session was closed', {
        code: 'ERR_SESSION_CLOSED',
        hint: 'create another',
      }),
    onRefreshFailed: (error, retryAtMs, expiration) => {
      logger?.warn(
        `refreshing the credentials failed: ${(error as Error).message}; the current credentials stay valid until ${expiration.toISOString()}; next attempt after ${new Date(retryAtMs).toISOString()}`,
      );
    },
  });
  return {
    async credentials({ forceRefresh, callerClientConfig } = {}) {
      logger ??= checkLogger(callerClientConfig?.logger, 'callerClientConfig.logger');
      // A copy for each caller: the SDK writes into what it is given.
      return { ...(await refresher.get({ forceRefresh: forceRefresh === true })) };
    },
    get expiration() {
      return refresher.expiration;
    },
    close: refresher.close,
  };
}
