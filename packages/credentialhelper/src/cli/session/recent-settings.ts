import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../../json.ts';
import type { Layer } from '../../settings/layer.ts';
import { type CachedCredentials, readCache, readEntry } from './cache-entry.ts';

/**
 * The credentials in the cache for settings that a process has used before, if they and the certificate's file have not
 * changed since: then nothing needs to be checked again, and neither options nor certificate are parsed.
 */
export function readRecent(folder: string, found: Layer): CachedCredentials | undefined {
  const settings = describe(found);
  if (settings === undefined) return undefined;
  const link = readEntry(fileFor(folder, settings));
  if (!isObject(link) || link.settings !== settings) return undefined;
  const { name } = link;
  return typeof name === 'string' && /^[0-9a-f]{64}$/.test(name)
    ? readCache(join(folder, `${name}.json`))
    : undefined;
}

/** Remembers that settings lead to an entry of the cache. They contain no secrets. */
export async function rememberSettings(folder: string, found: Layer, name: string): Promise<void> {
  const settings = describe(found);
  if (settings === undefined) return;
  const file = fileFor(folder, settings);
  const known = readEntry(file);
  if (isObject(known) && known.settings === settings && known.name === name) return;
  const { writeEntry } = await import('./credential-cache.ts');
  await writeEntry(file, { settings, name }, false);
}

/** The settings, without secrets, and the state of the certificate's file; undefined if there is no such file. */
function describe(found: Layer): string | undefined {
  const certificate = found.get('certificate')?.value;
  const stats =
    typeof certificate === 'string' ? statSync(certificate, { throwIfNoEntry: false }) : undefined;
  if (stats?.isFile() !== true) return undefined;
  const { dev, ino, size, mtimeMs, ctimeMs } = stats;
  const values = [...found].map(([option, { shown }]) => [option, shown]);
  return JSON.stringify([process.cwd(), values, dev, ino, size, mtimeMs, ctimeMs]);
}

/** The FNV-1a hash names the file, and the text in it is compared: a digest would take longer than all the rest. */
function fileFor(folder: string, settings: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < settings.length; i++) {
    hash = Math.imul(hash ^ settings.charCodeAt(i), 0x01000193);
  }
  return join(folder, `settings-${(hash >>> 0).toString(16)}.json`);
}
