import { readFile } from 'node:fs/promises';
import type { Response } from '../../http/response.ts';

/** Set by the build. */
declare const CONSOLE_FOLDER: string | undefined;

/** The folder of the built console. */
const FOLDER = new URL(
  typeof CONSOLE_FOLDER === 'string' ? CONSOLE_FOLDER : '../../../dist/console/',
  import.meta.url,
);

/** The files of the console, by their paths, and their types. */
const FILES: ReadonlyMap<string, readonly [file: string, type: string]> = new Map([
  ['', ['index.html', 'text/html; charset=utf-8']],
  ['console.js', ['console.js', 'text/javascript; charset=utf-8']],
  ['console.css', ['console.css', 'text/css; charset=utf-8']],
  ['NOTICES.txt', ['NOTICES.txt', 'text/plain; charset=utf-8']],
]);

/**
 * Returns a file of the console; undefined if there is none.
 *
 * @param path - below the console's path
 */
export async function readConsoleFile(path: string): Promise<Response | undefined> {
  const [file, type] = FILES.get(path) ?? [];
  if (file === undefined || type === undefined) return undefined;
  const body = await readFile(new URL(file, FOLDER), 'utf8');
  return { status: 200, headers: { 'content-type': type }, body };
}
