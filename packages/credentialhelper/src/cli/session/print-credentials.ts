import { isDeepStrictEqual } from 'node:util';
import { readEnvironment } from '../../settings/environment.ts';
import { settingsFiles } from '../../settings/load.ts';
import { makeCacheFolder } from '../cache-folder.ts';
import { readEntry } from './cache-entry.ts';
import {
  checkRequired,
  findSessionSettings,
  givenSettings,
  placesOf,
  type SessionFlags,
} from './flags.ts';
import { printForProcess } from './print-recent.ts';
import {
  areUnchanged,
  describeCall,
  type FileStates,
  linkOf,
  mayHaveSecret,
  statesOf,
} from './recent-call.ts';
import type { SharedCredentials } from './shared-credentials.ts';

/**
 * Prints credentials for a call of `credential-process`, and remembers it for the next.
 *
 * @returns whether this process fetched them
 */
export async function printCredentials(flags: SessionFlags): Promise<boolean> {
  const { credentials, isFetched } = await credentialsFor(flags);
  printForProcess(credentials);
  return isFetched;
}

async function credentialsFor(flags: SessionFlags): Promise<SharedCredentials> {
  const folder = flags.cache === false ? undefined : makeCacheFolder('credentials');
  // Before they are read: a file that is replaced from here on has another state.
  const settings = statesOf(folder === undefined ? [] : await settingsFiles(placesOf(flags)));
  const found = await findSessionSettings(flags);
  checkRequired(found);
  const certificate = String(found.get('certificate')?.value);
  const files = { ...settings, ...statesOf([certificate]) };
  // Loaded here: an error in the settings is reported without this code.
  const { sharedCredentials } = await import('./shared-credentials.ts');
  const shared = await sharedCredentials(folder, found);
  const { name } = shared;
  if (folder !== undefined && name !== undefined && files[certificate] !== '') {
    await rememberCall(flags, { folder, files, name });
  }
  return shared;
}

/** Remembers that this call leads to an entry of the cache, unless a file that it read has changed meanwhile. */
async function rememberCall(
  flags: SessionFlags,
  { folder, files, name }: { folder: string; files: FileStates; name: string },
): Promise<void> {
  const call = describeCall(process.argv.slice(2), process.env);
  const given = [...givenSettings(flags).values(), ...readEnvironment(process.env).values()];
  if (mayHaveSecret(call, given) || !areUnchanged(files)) return;
  const entry = { call, files, name };
  const file = linkOf(folder, call);
  if (isDeepStrictEqual(readEntry(file), entry)) return;
  const { writeEntry } = await import('./credential-cache.ts');
  await writeEntry(file, entry, false);
}
