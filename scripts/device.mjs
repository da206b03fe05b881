// What scripts that get credentials share: a folder, the emulator, and a device whose key is in a file and in a token.
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
 * Makes the device in a folder that goes with this process, and sets the environment by which SoftHSM finds its token.
 * Gives the options of a session that all have in common, those for each place of the key, and how to write a file into
 * the folder.
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

/** The processes that have a text in their environment. */
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
