import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { isObject } from '../../json.ts';
import type { Layer } from '../../settings/layer.ts';
import { readCache, readEntry } from './cache-entry.ts';

/**
 * The credentials in the cache for settings that a process has used before, if they and the certificate's file have not
 * changed since: then nothing needs to be checked again, and neither options nor certificate are parsed.
 */
export function readRecent(folder: string, found: Layer): TemporaryCredentials | undefined {
  const settings = describeRecent(found);
  if (settings === undefined) return undefined;
  const link = readEntry(fileFor(folder, settings));
  if (!isObject(link) || link.settings !== settings) return undefined;
  const { name } = link;
  return typeof name === 'string' && /^[0-9a-f]{64}$/.test(name)
    ? readCache(join(folder, `${name}.json`))
    : undefined;
}

/**
 * Remembers that settings lead to an entry of the cache. They contain no secrets.
 *
 * @param settings - from {@link describeRecent}, before the certificate was read
 */
export async function rememberSettings(
  folder: string,
  settings: string,
  name: string,
): Promise<void> {
  const file = fileFor(folder, settings);
  const known = readEntry(file);
  if (isObject(known) && known.settings === settings && known.name === name) return;
  const { writeEntry } = await import('./credential-cache.ts');
  await writeEntry(file, { settings, name }, false);
}

/** What credentials depend on, besides the certificate: two values may look the same to people. */
const TARGET = ['endpoint', 'roleAlias', 'thingName'];

/** Settings without secrets: for each combination of them one text. */
export function describeSettings(found: Layer): string {
  const values = [...found].map(([option, { value, shown }]) => [
    option,
    TARGET.includes(option) ? value : shown,
  ]);
  return JSON.stringify([workingFolder(), values]);
}

function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    // It was deleted: no relative path names anything.
    return '';
  }
}

/**
 * Settings without secrets, and the state of the certificate's file; undefined if there is no such file, or if it cannot be
 * found out: then the session tells why.
 */
export function describeRecent(found: Layer): string | undefined {
  const certificate = found.get('certificate')?.value;
  if (typeof certificate !== 'string') return undefined;
  try {
    const stats = statSync(certificate);
    if (!stats.isFile()) return undefined;
    const { dev, ino, size, mtimeMs, ctimeMs } = stats;
    return JSON.stringify([describeSettings(found), dev, ino, size, mtimeMs, ctimeMs]);
  } catch {
    // The certificate is text and no path, for example, or the working folder was deleted.
    return undefined;
  }
}

/** The FNV-1a hash names the file, and the text in it is compared: a digest would take longer than all the rest. */
function fileFor(folder: string, settings: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < settings.length; i++) {
    hash = Math.imul(hash ^ settings.charCodeAt(i), 0x01000193);
  }
  return join(folder, `settings-${(hash >>> 0).toString(16)}.json`);
}
