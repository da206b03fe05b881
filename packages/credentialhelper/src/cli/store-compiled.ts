import { readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompiledFiles } from './compiled-files.ts';
import { replaceFile } from './replace-file.ts';

/** After this time, an entry may be that of a version that was replaced: it is written again if it is not. */
const OLD_MS = 30 * 24 * 60 * 60 * 1000;

/** Stores compiled code for later processes, unless the disk is full or the folder cannot be written. */
export async function storeCompiled(files: CompiledFiles): Promise<void> {
  try {
    for (const { entry, content } of files.missing()) {
      await replaceFile(entry, content, { isLocked: false });
      removeOld(dirname(entry));
    }
  } catch {
    // The next process compiles again.
  }
}

function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() === true && Date.now() - stats.mtimeMs > OLD_MS) {
      rmSync(path, { force: true });
    }
  }
}
