import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { certificateId, readCertificates } from '../../identity/certificate.ts';
import { pipesOf, type Source } from '../../identity/read-source.ts';
import { checkOptions, type FromIotCoreInit, type Settings } from '../../options/options.ts';
import type { Layer } from '../../settings/layer.ts';
import { optionsOf } from '../../settings/load.ts';
import { firstCredentials, openSource, withRegion } from './open.ts';
import { describeRecent, describeSettings, rememberSettings } from './recent-settings.ts';

/**
 * Credentials for settings: from the cache, else of a request.
 *
 * @param folder - that of the cache; undefined: it is not used
 */
export async function sharedCredentials(
  folder: string | undefined,
  found: Layer,
): Promise<TemporaryCredentials> {
  // First: a certificate that is replaced from here on is another one.
  const recent = folder === undefined ? undefined : describeRecent(found);
  const init = optionsOf(found);
  const settings = withRegion(checkOptions(init));
  const fetch = async () => firstCredentials(await openSource(settings), settings);
  const identity = folder === undefined ? undefined : identityOf(settings, init);
  if (folder === undefined || identity === undefined) return fetch();
  // Loaded here: without the cache it is not needed.
  const { cachedCredentials, cacheName } = await import('./credential-cache.ts');
  const name = cacheName(identity);
  const shared = {
    name,
    failureName: cacheName([name, describeSettings(found)]),
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
  if (recent !== undefined && recent === describeRecent(found)) {
    await rememberSettings(folder, recent, name);
  }
  return credentials;
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
