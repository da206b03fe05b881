// The whole workflow without an AWS account: a device certificate is exchanged for AWS credentials for the AWS SDK,
// first with the private key in a file, then with the same key inside a SoftHSM token.
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import {
  createSession,
  type FromIotCoreInit,
  isCredentialHelperError,
} from 'awsiot-credentialhelper';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { findSoftHsm, makePinFile, token, useFolder } from './softhsm.ts';

const USAGE = `Usage: npm run demo [-- --library PATH --console]

  --library PATH  path of SoftHSM's PKCS#11 library, if not at a well-known path
  --console       the emulator stays open at the end, and its console can be opened in a browser
  --help          this text`;

const THING = 'demo-thing';
const ROLE_ALIAS = 'demo-role-alias';
const TOKEN_LABEL = 'demo-token';
const KEY_LABEL = 'demo-key';

let steps = 0;
const step = (text: string) => console.log(`\n${++steps}. ${text}`);
const note = (text: string) => console.log(`   ${text}`);
const noteAll = (lines: string) => lines.split('\n').forEach(note);
const mask = (secret: string) => `${secret.slice(0, 4)}${'*'.repeat(12)}`;

async function demo(emulator: Emulator, library: string, folder: string): Promise<void> {
  step("Start an emulator of AWS IoT's credential provider and of STS on this machine.");
  note(`credential provider: https://${emulator.credentialsEndpoint} (mutual TLS)`);
  note(`STS: ${emulator.apiEndpoint}`);

  step(
    'Register a device: a thing with a certificate, and a role alias that it is permitted to use.',
  );
  const device = await emulator.seed({ thingName: THING, roleAlias: ROLE_ALIAS });
  const [keyFormat] = device.privateKeyPem.split('\n');
  note(`certificate id: ${device.certificateId}`);
  note(`the key has the format of AWS, PKCS#1: ${keyFormat}`);
  const expected = `arn:aws:sts::${emulator.accountId}:assumed-role/${device.roleName}/${device.certificateId}`;

  const common = {
    endpoint: emulator.credentialsEndpoint,
    region: emulator.region,
    roleAlias: ROLE_ALIAS,
    thingName: THING,
    certificate: device.certificatePem,
    ca: emulator.ca,
  };

  step('Open a session with certificate and key in memory, and call STS.');
  await showCaller(emulator, { ...common, privateKey: device.privateKeyPem }, expected);

  step('Initialize a SoftHSM token in a temporary folder: awsiot-credentialhelper token init');
  useFolder(folder);
  const pinFile = makePinFile(join(folder, 'pin'));
  const soPinFile = makePinFile(join(folder, 'so-pin'));
  const module = ['--module', library];
  const pins = ['--pin-file', pinFile, '--so-pin-file', soPinFile];
  noteAll(token('init', ...module, '--label', TOKEN_LABEL, ...pins));

  step('Move the key file into it: awsiot-credentialhelper token import --delete-source');
  const keyFile = join(folder, 'demo-thing-key.pem');
  const certificateFile = join(folder, 'demo-thing-cert.pem');
  writeFileSync(keyFile, device.privateKeyPem, { mode: 0o600 });
  writeFileSync(certificateFile, device.certificatePem);
  const target = [...module, '--token-label', TOKEN_LABEL, '--pin-file', pinFile];
  const files = ['--key', keyFile, '--certificate', certificateFile, '--delete-source'];
  noteAll(token('import', ...target, '--label', KEY_LABEL, ...files));
  if (existsSync(keyFile)) throw new Error(`${keyFile} should have been removed`);

  step('Open a session with token label and key label, and call STS again.');
  const userPin = { file: pinFile };
  const pkcs11 = { library, userPin, tokenLabel: TOKEN_LABEL, privateKeyLabel: KEY_LABEL };
  await showCaller(emulator, { ...common, pkcs11 }, expected);
  const { tlsVersion } =
    emulator.requests.latest.findLast(({ endpoint }) => endpoint === 'credentials') ?? {};
  note(`the key signed the handshake inside the token, over ${tlsVersion}`);
  if (tlsVersion !== 'TLSv1.3') throw new Error(`expected TLSv1.3, got ${tlsVersion}`);
}

async function showCaller(
  emulator: Emulator,
  options: FromIotCoreInit,
  expected: string,
): Promise<void> {
  const session = createSession(options);
  const { accessKeyId, expiration } = await session.credentials();
  note(`credentials: ${mask(accessKeyId)}, valid until ${expiration?.toISOString()}`);
  const sts = new STSClient({ ...session, endpoint: emulator.apiEndpoint });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  sts.destroy();
  note(`STS returned: ${Arn}`);
  if (Arn !== expected) throw new Error(`expected ${expected}`);
}

/** Prints the address of the console, and returns after Ctrl+C or the end of the input. */
async function openConsole({ consoleUrl }: Emulator): Promise<void> {
  console.log(`\nThe emulator runs until Ctrl+C. Its console:\n${consoleUrl}`);
  const { stdin } = process;
  await Promise.race([
    once(process, 'SIGINT'),
    once(process, 'SIGTERM'),
    once(stdin.resume(), 'end'),
  ]);
  stdin.destroy();
}

function readArguments(): { library: string | undefined; console: boolean; help: boolean } {
  const { values } = parseArgs({
    options: {
      library: { type: 'string' },
      console: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return { library: values.library, console: values.console, help: values.help };
}

function fail(error: unknown): number {
  console.error(`demo: error: ${(error as Error).message}`);
  if (isCredentialHelperError(error) && error.hint !== undefined) {
    console.error(`demo: hint: ${error.hint}`);
  }
  return 1;
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments();
  } catch (error) {
    console.error(`demo: error: ${(error as Error).message}`);
    return 2;
  }
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  try {
    const library = findSoftHsm(options.library);
    await using emulator = await startEmulator();
    const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-demo-'));
    try {
      await demo(emulator, library, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    console.log(
      '\nBoth sessions have the same role and certificate. All temporary files were deleted.',
    );
    if (options.console) await openConsole(emulator);
    return 0;
  } catch (error) {
    return fail(error);
  }
}

process.exitCode = await main();
