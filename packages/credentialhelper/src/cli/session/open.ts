import { basename } from 'node:path';
import type { CredentialSource } from '../../credentials/source.ts';
import type { IotCoreCredentials } from '../../credentials/types.ts';
import { checkOptions, type FromIotCoreInit, type Settings } from '../../options/options.ts';
import { type Region, regionFor } from '../../options/region.ts';
import { showWaiting } from '../waiting.ts';
import { type SessionFlags, sessionOptions } from './flags.ts';

/** The checked settings of a session, with its region. */
export type SessionSettings = Settings & { readonly region: Region };

/**
 * The checked settings of the session of a command.
 *
 * @param more - options that the command sets
 * @throws errors of {@link sessionOptions} and of `createSession`
 */
export async function readSettings(
  flags: SessionFlags,
  more: Pick<FromIotCoreInit, 'keepFresh' | 'logger'> = {},
): Promise<SessionSettings> {
  return withRegion(checkOptions({ ...(await sessionOptions(flags)), ...more }));
}

/** Settings with their region. */
export function withRegion(settings: Settings): SessionSettings {
  return { ...settings, region: regionFor(settings) };
}

/**
 * Opens the source of credentials. Its code is loaded here: a command that finds credentials in the cache does not need it.
 *
 * @throws errors of `createSession`
 */
export async function openSource(settings: SessionSettings): Promise<CredentialSource> {
  const { createSource } = await import('../../credentials/source.ts');
  return createSource(settings);
}

/** The credentials of a source; a terminal shows what takes longer than a second. */
export function firstCredentials(
  source: CredentialSource,
  { endpoint, key }: SessionSettings,
  abortSignal?: AbortSignal,
): Promise<IotCoreCredentials> {
  const token = key.kind === 'token' ? `the token (${basename(key.token.library)})` : '';
  return showWaiting(source.credentials({ abortSignal }), () => {
    const waitsFor = source.waitsFor();
    if (waitsFor !== undefined) {
      return `waiting for ${waitsFor === 'token' ? token : endpoint.authority} …`;
    }
    const { nextFetch, lastError } = source.stats();
    if (nextFetch === undefined || lastError === undefined) return undefined;
    const seconds = Math.max(0, Math.ceil((nextFetch.getTime() - Date.now()) / 1000));
    return `${lastError.code}; retry in ${seconds} s …`;
  });
}
