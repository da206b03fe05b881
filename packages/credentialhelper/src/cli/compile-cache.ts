import { homedir } from 'node:os';
import { join } from 'node:path';

/** What Node.js has since 22.1 (Node.js documentation, `module.enableCompileCache`). */
interface CompileCache {
  enableCompileCache?(folder: string): unknown;
}

/**
 * Keeps what Node.js compiles in the user's own cache folder, where Node.js can: the next start is quicker. Node's default, a
 * folder in the temporary one, could be made by another user, whose code would then run here.
 */
export function useCompileCache(): void {
  const { enableCompileCache } = process.getBuiltinModule('node:module') as CompileCache;
  const { XDG_CACHE_HOME: home = join(homedir(), '.cache') } = process.env;
  enableCompileCache?.(join(home, 'awsiot-credentialhelper', 'compiled'));
}
