import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { isObject } from '../../json.ts';
import type { Found } from '../../settings/layer.ts';
import { SETTINGS, type Setting } from '../../settings/names.ts';
import { VERSION } from '../../version.ts';
import { readCache, readEntry } from './cache-entry.ts';

/**
 * What a call of a command depends on, besides files: its arguments, the environment variables that are settings, or say
 * where settings are, and the working folder. Where a variable is meant to be a secret, it tells only that it is there.
 */
export function describeCall(args: readonly string[], environment: NodeJS.ProcessEnv): string {
  const places = PLACES.map((name) => environment[name]);
  const variables = SETTINGS.map((setting) =>
    withoutSecret(setting, environment[setting.variable]),
  );
  return JSON.stringify([VERSION, workingFolder(), places, variables, args]);
}

/** Environment variables that say where settings are. */
const PLACES = ['HOME', 'USERPROFILE', 'AWS_CONFIG_FILE', 'AWS_PROFILE'];

/** The value of a variable; of a secret, a URL with a password, and a command, which may contain one, that it is there. */
function withoutSecret({ kind }: Setting, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return value;
  const isSecret = kind === 'variable' || kind === 'command' || value.startsWith('-----BEGIN');
  const hasPassword = kind === 'proxy' && value.includes('@');
  return isSecret || hasPassword ? '(a secret)' : value;
}

/**
 * Whether the description of a call contains a text that people are not shown: it may be a secret.
 *
 * @param found - the settings in its arguments and environment variables
 */
export function mayHaveSecret(call: string, found: readonly Found[]): boolean {
  return found.some(({ value, shown }) => {
    const text = isObject(value) ? (value.file ?? value.command) : value;
    return typeof text === 'string' && shown !== text && call.includes(inJson(text));
  });
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

/** The working folder; empty if it was deleted. */
export function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    // No relative path names anything.
    return '';
  }
}

/** The state of files by their paths: it differs after a file was changed, replaced, created or removed. */
export type FileStates = Readonly<Record<string, string>>;

/** The state of files. */
export function statesOf(paths: readonly string[]): FileStates {
  return Object.fromEntries(paths.map((path) => [path, stateOf(path)]));
}

/** Whether files have the same state as before. */
export function areUnchanged(states: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(states).every(([path, state]) => stateOf(path) === state);
}

/** The state of a file; empty if there is none: folders, pipes and devices have no settings. */
function stateOf(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return '';
    const { dev, ino, size, mtimeMs, ctimeMs } = stats;
    return [dev, ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return '';
  }
}

/**
 * The credentials in the cache for a call that was made before, if no file that it read has changed since: then nothing
 * needs to be read or checked again, neither settings nor certificate.
 *
 * @param call - from {@link describeCall}
 */
export function readRecent(folder: string, call: string): TemporaryCredentials | undefined {
  const link = readEntry(linkOf(folder, call));
  if (!isObject(link) || link.call !== call) return undefined;
  const { name, files } = link;
  if (typeof name !== 'string' || !/^[0-9a-f]{64}$/.test(name)) return undefined;
  return isObject(files) && areUnchanged(files)
    ? readCache(join(folder, `${name}.json`))
    : undefined;
}

/**
 * The file that leads from a call to an entry of the cache. The FNV-1a hash names it, and the text in it is compared: a
 * digest would take longer than all the rest.
 */
export function linkOf(folder: string, call: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < call.length; i++) {
    hash = Math.imul(hash ^ call.charCodeAt(i), 0x01000193);
  }
  return join(folder, `call-${(hash >>> 0).toString(16)}.json`);
}
