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
  const { key } = settings;
  const secret: SecretReader<unknown> = key.kind === 'file' ? key.passphrase : key.token.pin;
  return [
    ...filesOf(settings).map(fileVersion),
    fileVersion(secret.file),
    variableVersion(secret.environmentVariable),
  ].join();
}

/** The files that hold certificate, key and CA. */
export function filesOf(settings: Settings): readonly string[] {
  return sourcesOf(settings)
    .map(fileOf)
    .filter((file) => file !== undefined);
}

function fileOf(source: Source): string | undefined {
  return typeof source === 'string' && !isPem(source) ? source : undefined;
}

function fileVersion(file: string | undefined): string {
  if (file === undefined) return '';
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}`;
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
