import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { certificateId, readCertificates } from '../../identity/certificate.ts';
import { pipesOf, type Source } from '../../identity/read-source.ts';
import { checkOptions, type FromIotCoreInit, type Settings } from '../../options/options.ts';
import type { Layer } from '../../settings/layer.ts';
import { optionsOf } from '../../settings/load.ts';
import { firstCredentials, openSource, withRegion } from './open.ts';
import { workingFolder } from './recent-call.ts';

/** Credentials that processes share. */
export interface SharedCredentials {
  readonly credentials: TemporaryCredentials;
  /** Whether this process fetched them. */
  readonly isFetched: boolean;
  /** The name of their entry in the cache, if they have one. */
  readonly name?: string;
}

/**
 * Credentials for settings: from the cache, else of a request.
 *
 * @param folder - that of the cache; undefined: it is not used
 */
export async function sharedCredentials(
  folder: string | undefined,
  found: Layer,
): Promise<SharedCredentials> {
  const init = optionsOf(found);
  const settings = withRegion(checkOptions(init));
  let isFetched = false;
  const fetch = async () => {
    isFetched = true;
    return firstCredentials(await openSource(settings), settings);
  };
  const identity = folder === undefined ? undefined : identityOf(settings, init);
  if (folder === undefined || identity === undefined) {
    return { credentials: await fetch(), isFetched };
  }
  // Loaded here: without the cache it is not needed.
  const { cachedCredentials, cacheName } = await import('./credential-cache.ts');
  const name = cacheName(identity);
  const shared = {
    name,
    failureName: cacheName([name, workingFolder(), describeFound(found)]),
    nameNow: () => {
      try {
        return cacheName(identityOf(settings, init) ?? []);
      } catch {
        // The file is being replaced.
        return undefined;
      }
    },
  };
  // Longer than the exchange of another process can take.
  const limitMs = settings.maxWaitMs + 2 * settings.timeoutMs;
  const credentials = await cachedCredentials(folder, shared, limitMs, fetch);
  return { credentials, isFetched, name };
}

/** What credentials depend on, besides the certificate: two values may look the same to people. */
const TARGET = ['endpoint', 'roleAlias', 'thingName'];

/** Settings without secrets: for each combination of them one text. */
function describeFound(found: Layer): string {
  return JSON.stringify(
    [...found].map(([option, { value, shown }]) => [
      option,
      TARGET.includes(option) ? value : shown,
    ]),
  );
}

/** What the credentials depend on; undefined for a certificate from a pipe, which can be read only once. */
function identityOf(
  { key, endpoint, roleAlias, thingName }: Settings,
  { pkcs11 }: FromIotCoreInit,
): readonly unknown[] | undefined {
  const target = [endpoint.authority, roleAlias, thingName ?? null];
  const inToken = key.kind === 'token' ? key.certificate : undefined;
  if (inToken !== undefined && 'match' in inToken) {
    const { library, tokenLabel, tokenSerial, slotId, privateKeyLabel, uri } = pkcs11 ?? {};
    return [
      ...target,
      inToken.match,
      library,
      tokenLabel,
      tokenSerial,
      slotId,
      privateKeyLabel,
      uri,
    ];
  }
  const certificate = key.kind === 'file' ? key.certificate : inToken?.source;
  if (pipesOf([certificate]).length > 0) return undefined;
  const ids = readCertificates(certificate as Source, 'certificate').map(certificateId);
  return [...target, ...ids];
}
