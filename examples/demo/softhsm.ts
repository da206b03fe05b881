import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIBRARIES = [
  '/usr/lib/softhsm/libsofthsm2.so', // Debian, Ubuntu
  '/usr/lib64/pkcs11/libsofthsm2.so', // Fedora
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

const COMMAND = join(
  fileURLToPath(import.meta.resolve('awsiot-credentialhelper')),
  '../cli/main.js',
);

/** Finds SoftHSM's PKCS#11 library: at the user's path, else at well-known paths. */
export function findSoftHsm(given: string | undefined): string {
  const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  if (given !== undefined) {
    if (!isFile(given)) throw new Error(`--library ${given} is not a file`);
    return given;
  }
  const library = LIBRARIES.find(isFile);
  if (library === undefined)
    throw new Error(
      'SoftHSM is not installed: apt install softhsm2, dnf install softhsm, apk add softhsm, pacman -S softhsm or ' +
        'brew install softhsm; --library sets another path',
    );
  return library;
}

/** Configures SoftHSM to store tokens in a folder, for this process and its children. */
export function useFolder(folder: string): void {
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  process.env.XDG_STATE_HOME = join(folder, 'state');
}

/** Writes a random PIN to a file that only its owner can read. */
export function makePinFile(file: string): string {
  const pin = String(randomInt(1e8)).padStart(8, '0');
  writeFileSync(file, `${pin}\n`, { mode: 0o600 });
  return file;
}

/** Runs `awsiot-credentialhelper token …`, and returns its output. */
export function token(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'token', ...args], {
    encoding: 'utf8',
  });
  if (status !== 0)
    throw new Error(stderr.trim().replaceAll(/^awsiot-credentialhelper: (error: )?/gm, ''));
  return stdout.trim();
}
