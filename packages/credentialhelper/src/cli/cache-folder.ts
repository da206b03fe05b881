import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { isOwn, makeFolder } from '../pins/folders.ts';

/**
 * Creates a cache folder of this user.
 *
 * @returns its path; undefined if it cannot be created, or does not belong to this user alone, as under `sudo` with
 * the home folder of another user
 */
export function makeCacheFolder(name: CacheName): string | undefined {
  return cacheFolder(name, makeFolder);
}

/** A cache folder of this user; undefined if there is none, or it does not belong to this user alone. */
export function ownCacheFolder(name: CacheName): string | undefined {
  return cacheFolder(name, () => {});
}

type CacheName = 'compiled' | 'credentials';

function cacheFolder(name: CacheName, make: (folder: string) => void): string | undefined {
  try {
    const folder = join(cacheHome(), 'awsiot-credentialhelper', name);
    // A relative path would depend on the working directory, where other users may have created it.
    if (!isAbsolute(folder)) return undefined;
    if (isOwn(folder)) return folder;
    make(folder);
    return isOwn(folder) ? folder : undefined;
  } catch {
    // There is neither HOME nor an entry in the password file, or the folder cannot be created, or not be entered.
    return undefined;
  }
}

/** XDG Base Directory Specification: an empty or relative path is ignored. */
function cacheHome(): string {
  const { XDG_CACHE_HOME = '' } = process.env;
  return isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
}
