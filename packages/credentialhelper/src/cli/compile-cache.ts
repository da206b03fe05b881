import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { isOwn, makeFolder } from '../pins/folders.ts';

/** Available since Node.js 22.1 (Node.js documentation, `module.enableCompileCache`). */
interface CompileCache {
  enableCompileCache?(folder: string): unknown;
}

/**
 * Enables the module compile cache in the user's own cache folder, if this Node.js has one: the next start is faster.
 * Node.js's default, a subfolder of the temporary folder, could be created by another user, whose code would then run
 * here.
 */
export function useCompileCache(): void {
  const { enableCompileCache } = process.getBuiltinModule('node:module') as CompileCache;
  if (enableCompileCache === undefined) return;
  const folder = makeCacheFolder();
  if (folder !== undefined) enableCompileCache(folder);
}

/**
 * Creates the cache folder. Node.js would create it, too, but loops forever in some file systems, such as `/proc`.
 *
 * @returns its path; undefined if it cannot be created, or does not belong to this user alone, as under `sudo` with
 * the home folder of another user
 */
export function makeCacheFolder(): string | undefined {
  try {
    const folder = join(cacheHome(), 'awsiot-credentialhelper', 'compiled');
    // A relative path would depend on the working directory, where other users may have created it.
    if (!isAbsolute(folder)) return undefined;
    makeFolder(folder);
    return isOwn(folder) ? folder : undefined;
  } catch {
    // There is neither HOME nor an entry in the password file, or the folder cannot be created.
    return undefined;
  }
}

/** XDG Base Directory Specification: an empty or relative path is ignored. */
function cacheHome(): string {
  const { XDG_CACHE_HOME = '' } = process.env;
  return isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
}
