import { makeCacheFolder } from './cache-folder.ts';

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
  const folder = makeCacheFolder('compiled');
  if (folder !== undefined) enableCompileCache(folder);
}
