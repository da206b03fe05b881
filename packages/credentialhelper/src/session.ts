import { type CredentialSource, createSource } from './credentials/source.ts';
import type { IotCoreCredentialProvider, IotCoreCredentials } from './credentials/types.ts';
import type { SessionStats } from './observe/stats.ts';
import { checkOptions, type FromIotCoreInit } from './options/options.ts';
import { regionFor } from './options/region.ts';

/** The configuration of a client of the AWS SDK: `new STSClient(session)`. */
export interface Session {
  /** The AWS region: from the options, the endpoint or the environment. */
  readonly region: string;
  /** Returns valid credentials; see `fromIotCore`. */
  readonly credentials: IotCoreCredentialProvider;
  /** When the current credentials expire; undefined before the first fetch. */
  readonly expiration: Date | undefined;
  /** A snapshot of the session's statistics. */
  readonly stats: SessionStats;
  /**
   * Fetches new credentials, or joins a pending fetch, without a wait for a retry. Only needed after a change of the role's
   * permissions, or after a locked PIN was unlocked.
   *
   * @throws {@link CredentialHelperError} (as a rejection) errors of `credentials`
   */
  refresh(): Promise<IotCoreCredentials>;
  /**
   * Discards the credentials, and waits for a pending fetch, at most `timeoutMs`. Pending calls still get
   * credentials; later calls reject with `ERR_SESSION_CLOSED`. A client of the AWS SDK keeps its current credentials,
   * and calls again shortly before they expire. Does not throw.
   */
  close(): Promise<void>;
  /** Same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a session: region and automatically refreshed credentials, for any client of the AWS SDK for JavaScript v3.
 *
 * Nothing is sent before the first call for credentials.
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
 * @throws {@link CredentialHelperError} at once, for invalid options (`ERR_INVALID_OPTION`, `ERR_KEY_SOURCE`,
 * `ERR_DATA_ENDPOINT`, `ERR_REGION_UNKNOWN`), unreadable files, and a key that does not belong to the
 * certificate
 */
export function createSession(init: FromIotCoreInit): Session {
  const settings = checkOptions(init);
  const region = regionFor(settings);
  return new SourceSession(region.name, createSource({ ...settings, region }));
}

/**
 * A session with a source of credentials. Its own properties are those of a client's configuration: clients copy them
 * with `{ ...session }`, and nothing else.
 */
export class SourceSession implements Session {
  readonly region: string;
  readonly credentials: IotCoreCredentialProvider;
  readonly #source: CredentialSource;
  readonly #onClose: (() => void) | undefined;

  constructor(region: string, source: CredentialSource, onClose?: () => void) {
    this.region = region;
    this.credentials = source.credentials;
    this.#source = source;
    this.#onClose = onClose;
  }

  get expiration(): Date | undefined {
    return this.#source.expiration();
  }

  get stats(): SessionStats {
    return this.#source.stats();
  }

  refresh(): Promise<IotCoreCredentials> {
    return this.#source.credentials({ forceRefresh: true });
  }

  close(): Promise<void> {
    this.#onClose?.();
    return this.#source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
