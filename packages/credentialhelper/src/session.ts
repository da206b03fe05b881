import { CredentialHelperError } from './errors.ts';
import { checkOptions, type FromIotCoreInit } from './options/options.ts';
import { regionOfEnvironment } from './options/region.ts';
import {
  createSource,
  type IotCoreCredentialProvider,
  type IotCoreCredentials,
} from './provider.ts';

/** What a client of the AWS SDK takes: `new STSClient(session)`. */
export interface Session {
  /** The AWS region: as given, as the endpoint's name says, or as the environment says. */
  readonly region: string;
  /** Gives credentials that are valid now; see `fromIotCore`. */
  readonly credentials: IotCoreCredentialProvider;
  /** When the credentials at hand end; undefined as long as none were fetched. */
  readonly expiration: Date | undefined;
  /**
   * Fetches new credentials now, or joins a fetch that is on its way. For an application that changed what its role may
   * do; nothing needs it otherwise.
   *
   * @throws {@link CredentialHelperError} (as a rejection) what `credentials` throws
   */
  refresh(): Promise<IotCoreCredentials>;
  /**
   * Forgets the credentials, and waits until nothing is being fetched: at most `timeoutMs`. Who waits for credentials
   * still gets them; who asks later gets `ERR_SESSION_CLOSED`. Does not throw.
   */
  close(): Promise<void>;
  /** Same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
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
export function createSession(init: FromIotCoreInit): Session {
  const settings = checkOptions(init);
  const region = settings.region ?? regionOfEnvironment();
  if (region === undefined) {
    throw new CredentialHelperError('the AWS region cannot be read from "endpoint"', {
      code: 'ERR_REGION_UNKNOWN',
      hint: 'pass it as "region", or set AWS_REGION',
    });
  }
  const source = createSource(settings);
  // What stands on the prototype is not copied by `{ ...session }`, as clients do with their configuration.
  const members: Omit<Session, 'region' | 'credentials'> = {
    get expiration() {
      return source.expiration;
    },
    refresh: () => source.credentials({ forceRefresh: true }),
    close: source.close,
    [Symbol.asyncDispose]: source.close,
  };
  return Object.assign(Object.create(members), { region, credentials: source.credentials });
}
