import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { isPem } from '../identity/pem.ts';
import type { Source } from '../identity/read-source.ts';
import type { SecretReader } from '../identity/secret-source.ts';
import { type Settings, sourcesOf } from '../options/options.ts';

/**
 * A version that differs if a file with certificate, key, CA, PIN or passphrase, or an environment variable, was
 * changed or replaced.
 */
export function sourceVersion(settings: Settings): string {
  const { environmentVariable } = secretOf(settings);
  return [...filesOf(settings).map(fileVersion), variableVersion(environmentVariable)].join();
}

/** The files that hold certificate, key, CA, and PIN or passphrase. */
export function filesOf(settings: Settings): readonly string[] {
  return [...sourcesOf(settings).map(fileOf), secretOf(settings).file].filter(
    (file) => file !== undefined,
  );
}

function secretOf({ key }: Settings): SecretReader<unknown> {
  return key.kind === 'file' ? key.passphrase : key.token.pin;
}

function fileOf(source: Source): string | undefined {
  return typeof source === 'string' && !isPem(source) ? source : undefined;
}

function fileVersion(file: string): string {
  try {
    // What copies a file (cp -p, rsync) may set its time of modification, but not that of its change.
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
}

function variableVersion(name: string | undefined): string {
  if (name === undefined) return '';
  // biome-ignore lint/style/noProcessEnv: the user named this variable as the source of a secret
  const value = process.env[name] ?? '';
  return createHash('sha256').update(value).digest('base64');
}
