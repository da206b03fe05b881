// Shared by scripts that get credentials: a folder, the emulator, and a device with its key in a file and in a token.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'awsiot-credentialhelper-emulator';

const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';

/** The folder of the built package. */
export const DIST = fileURLToPath(new URL('.', import.meta.resolve('awsiot-credentialhelper')));

/**
 * Creates the device in a folder that is deleted when this process exits, and sets the environment for SoftHSM.
 * Returns the emulator, the common options of a session, those for each place of the key, and a function that writes a
 * file to the folder.
 */
export async function makeDevice() {
  const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const write = (name, text) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  process.env.SOFTHSM2_CONF = write('softhsm2.conf', `directories.tokendir = ${tokens}\n`);
  process.env.XDG_STATE_HOME = join(folder, 'state');
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  const aws = await startEmulator({ dir: join(folder, 'aws') });
  const device = await aws.seed({ thingName: 'device', roleAlias: 'alias' });
  const certificate = write('cert.pem', device.certificatePem);
  const privateKey = write('key.pem', device.privateKeyPem);
  const pin = write('pin', '12345678\n');
  const token = (command, ...args) =>
    execFileSync(
      process.execPath,
      [
        join(DIST, 'cli/main.js'),
        'token',
        command,
        '--module',
        SOFTHSM,
        '--pin-file',
        pin,
        ...args,
      ],
      { stdio: 'pipe' },
    );
  token('init', '--label', 'the-token', '--so-pin-file', pin);
  token(
    ...['import', '--token-label', 'the-token', '--label', 'key'],
    ...['--key', privateKey, '--certificate', certificate],
  );
  const pkcs11 = { library: SOFTHSM, userPin: { file: pin }, tokenLabel: 'the-token' };
  return {
    aws,
    folder,
    write,
    common: {
      endpoint: aws.credentialsEndpoint,
      region: aws.region,
      roleAlias: 'alias',
      thingName: 'device',
      certificate,
      ca: aws.caFile,
    },
    inFile: { privateKey },
    inToken: { pkcs11 },
    inTokenWith: (isolate) => ({ pkcs11: { ...pkcs11, isolate } }),
    close: () => aws.close(),
  };
}

/** The processes with a text in their environment. */
export function processesWith(text) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });
}

/** Prints a row of a Markdown table. */
export function row(cells) {
  console.log(`| ${cells.join(' | ')} |`);
}
