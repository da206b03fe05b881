import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CompiledFile } from './compiled-files.ts';
import { removeOld, replaceFile } from './replace-file.ts';

/** After this time, an entry may be that of a version that was replaced: it is written again if it is not. */
const OLD_MS = 30 * 24 * 60 * 60 * 1000;

/** Stores compiled code for later processes, unless the disk is full or the folder cannot be written. */
export async function storeCompiled(files: readonly CompiledFile[]): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const folder = dirname(first.entry);
  try {
    for (const { entry, content } of files) await replaceFile(entry, content, { isLocked: false });
    removeOld(folder, readdirSync(folder), OLD_MS);
  } catch {
    // The next process compiles again.
  }
}
