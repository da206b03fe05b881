import { spawnSync } from 'node:child_process';
import { createPrivateKey, randomInt } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = [
  '/usr/lib/softhsm/libsofthsm2.so', // Debian, Ubuntu
  '/usr/lib64/pkcs11/libsofthsm2.so', // Fedora
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** Finds SoftHSM's PKCS#11 library: where the user says, else in the usual places. */
export function findSoftHsm(given: string | undefined): string {
  const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  if (given !== undefined) {
    if (!isFile(given)) throw new Error(`--library ${given} is not a file`);
    return given;
  }
  const library = LIBRARIES.find(isFile);
  if (library === undefined)
    throw new Error('SoftHSM is not installed; --library says where it is');
  return library;
}

/** Makes a token in a folder of its own, with PINs by chance, and gives the user's PIN. */
export function initToken(library: string, folder: string, label: string): string {
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  const pin = randomPin();
  const pins = ['--pin', pin, '--so-pin', randomPin()];
  softHsmUtil('--init-token', '--free', '--label', label, '--module', library, ...pins);
  return pin;
}

/** Puts a private key into a token: as PKCS#8, the only form that softhsm2-util takes. */
export function importKey(
  folder: string,
  pem: string,
  { token, label, pin }: { token: string; label: string; pin: string },
): void {
  const file = join(folder, 'key-pkcs8.pem');
  writeFileSync(file, createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
  try {
    softHsmUtil('--import', file, '--token', token, '--label', label, '--id', '01', '--pin', pin);
  } finally {
    rmSync(file);
  }
}

function randomPin(): string {
  return String(randomInt(1e8)).padStart(8, '0');
}

function softHsmUtil(...args: readonly string[]): void {
  const { error, status, stderr } = spawnSync('softhsm2-util', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`cannot run softhsm2-util: ${error.message}`);
  // The arguments hold the PIN, so they stand in no message.
  if (status !== 0) throw new Error(`softhsm2-util ${args[0]} failed: ${stderr.trim()}`);
}
