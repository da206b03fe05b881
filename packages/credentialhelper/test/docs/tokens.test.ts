// Runs every command of docs/tokens.md, in order, in its own home folder. Simulated: installation (the packages must
// be installed already), the AWS CLI, and AWS, by the emulator.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { findSecret, plantKey, plantSecret } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { makeFolder } from '../support/token.ts';
import { startTpm2, TPM2_LIBRARY } from '../support/tpm2.ts';

const DOCUMENT = readFileSync(new URL('../../../../docs/tokens.md', import.meta.url), 'utf8');
const blocks = [...DOCUMENT.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language, text = '']) => ({
    language,
    text,
  }),
);

const home = temporaryFolder();
const work = makeFolder(home, 'work');
const bin = makeFolder(home, 'bin');
const emulator = await startEmulator({ region: 'eu-west-1' });
afterAll(() => emulator.close());
const thing = await emulator.seed({ thingName: 'my-thing', roleAlias: 'my-alias' });
const ca = makeSelfSigned(home, 'ca');
const caFile = join(home, 'emulator-ca.pem');
writeFileSync(caFile, emulator.ca);
writeFileSync(join(work, 'thing-cert.pem'), thing.certificatePem);
writeFileSync(join(work, 'thing-key.pem'), thing.privateKeyPem);
plantKey(thing.privateKeyPem);

/** Overrides a command of the system. */
function standIn(name: string, script: string): void {
  const file = join(bin, name);
  writeFileSync(file, `#!/usr/bin/env bash\nset -euo pipefail\n${script}\n`);
  chmodSync(file, 0o755);
}
standIn('sudo', 'exec "$@"');
standIn('usermod', '[[ $* == "--append --groups tss $USER" ]]');
standIn(
  'apt-get',
  '[[ $1 == update ]] && exit; shift; for package; do [[ $package == --* ]] || dpkg-query --show "$package" >/dev/null; done',
);
standIn('npm', '[[ $1 == install ]]; shift; printf "%s\\n" "$@" > ../installed');
// As npx does for a package that is installed, and ten times as fast.
standIn('npx', 'name=$1; shift; exec "node_modules/.bin/$name" "$@"');
standIn(
  'aws',
  `case "$1 $2" in
    "iot create-certificate-from-csr")
      openssl x509 -req -in "\${4#file://}" -CA ${ca.certificateFile} -CAkey ${ca.keyFile} -CAcreateserial -days 30 ;;
    *) echo "no stand-in for aws $*" >&2; exit 1 ;;
  esac`,
);

/** Installs what the document says, this package as npm packs it. */
function install(): void {
  const npm = (...args: readonly string[]) =>
    execFileSync('npm', ['--loglevel=error', '--prefer-offline', ...args], { encoding: 'utf8' });
  const folder = fileURLToPath(new URL('../..', import.meta.url));
  const file = npm('pack', '--silent', folder, '--pack-destination', home).trim();
  const names = readFileSync(join(home, 'installed'), 'utf8').trim().split('\n');
  const packages = names.map((name) =>
    name === 'awsiot-credentialhelper' ? join(home, file) : name,
  );
  writeFileSync(join(work, 'package.json'), '{ "private": true }');
  npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', work, ...packages);
}

/** Runs a block of the document. */
async function shell(script: string): Promise<string> {
  const { SOFTHSM2_CONF: _conf, XDG_STATE_HOME: _state, ...env } = process.env;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: work,
    env: {
      ...env,
      HOME: home,
      XDG_RUNTIME_DIR: home,
      USER: 'somebody',
      PATH: `${bin}:${env.PATH}`,
      AWS_ENDPOINT_URL: emulator.apiEndpoint,
      NODE_EXTRA_CA_CERTS: caFile,
    },
  });
  for (const file of ['pin.txt', 'so-pin.txt', 'new-pin.txt']) {
    const path = join(work, file);
    if (existsSync(path)) plantSecret(readFileSync(path, 'utf8').trim());
  }
  expect(findSecret(stdout + stderr), 'a secret in what the commands printed').toBeUndefined();
  return stdout;
}

/** The output of the one block with this text. */
async function runBlock(having: string): Promise<string> {
  const [block, ...more] = blocks.filter(({ text }) => text.includes(having));
  expect(more, `one block has ${having}`).toEqual([]);
  remaining.delete(block?.text ?? '');
  return shell(block?.text ?? 'false');
}

const remaining = new Set(blocks.map(({ text }) => text));
const arn = (certificateId: string) =>
  `arn:aws:sts::${emulator.accountId}:assumed-role/${thing.roleName}/${certificateId}\n`;

/** Writes the program of the document, for the emulator's endpoint. */
function writeProgram(replace: readonly (readonly [string, string])[] = []): void {
  const program = blocks.find(({ language }) => language === 'js')?.text ?? '';
  remaining.delete(program);
  const text = [
    [
      "'YOUR-PREFIX.credentials.iot.eu-west-1.amazonaws.com',",
      `'${emulator.credentialsEndpoint}', region: 'eu-west-1',`,
    ] as const,
    ...replace,
  ].reduce((before, [from, to]) => {
    expect(before).toContain(from);
    return before.replace(from, to);
  }, program);
  writeFileSync(join(work, 'session.mjs'), text);
}

/** Registers a certificate for the thing, and returns its id. */
async function register(file: string): Promise<string> {
  const certificatePem = readFileSync(join(work, file), 'utf8');
  const { certificateId, certificateArn } = await emulator.iot.registerCertificateWithoutCA({
    certificatePem,
    status: 'ACTIVE',
  });
  await emulator.iot.attachPolicy({ policyName: thing.policyName, target: certificateArn });
  await emulator.iot.attachThingPrincipal({ thingName: 'my-thing', principal: certificateArn });
  return certificateId;
}

describe.sequential('docs/tokens.md', () => {
  it('sets up the machine', async () => {
    await runBlock('install --yes softhsm2');
    install();
    await runBlock('softhsm2.conf');
    await runBlock('> so-pin.txt');
  });

  it('gets from a file to a session in three steps', async () => {
    expect(await runBlock('--label device --pin-file')).toMatch(
      /^initialized token "device" in slot \d+\n/,
    );
    expect(await runBlock('--delete-source')).toMatch(
      /^imported a private key \(RSA 2048\) and 1 certificate [\s\S]*\nremoved .*thing-key\.pem\n$/,
    );
    expect(existsSync(join(work, 'thing-key.pem'))).toBe(false);
    writeProgram();
    expect(await runBlock('node session.mjs')).toBe(arn(thing.certificateId));
  });

  it('gets from a key generated in the token to a session', async () => {
    expect(await runBlock('--csr new.csr')).toMatch(/^generated a key pair \(p256\)/);
    expect(await runBlock('file://new.csr')).toMatch(/^imported 1 certificate /);
    const certificateId = await register('new-cert.pem');
    writeProgram([
      ["'thing-cert.pem'", "'new-cert.pem'"],
      ["'thing-key'", "'new-key'"],
    ]);
    expect(await shell('node session.mjs')).toBe(arn(certificateId));
  });

  it('lists and verifies', async () => {
    const listed = await runBlock('token list');
    expect(listed).toMatch(/private key "thing-key" .*: RSA 2048\n/);
    expect(listed).toMatch(/private key "new-key" /);
    const verified = await runBlock('?module-name=softhsm2');
    expect(
      verified.match(/the key can be used for TLS client authentication with TLS 1\.2 and 1\.3\n/g),
    ).toHaveLength(2);
  });

  it('deletes a key and changes the PIN', async () => {
    expect(await runBlock('token delete')).toMatch(
      /^deleted private key "new-key" \(id [0-9a-f]+\) and public key "new-key"/,
    );
    const before = readFileSync(join(work, 'pin.txt'), 'utf8');
    expect(await runBlock('token change-pin')).toBe('changed the PIN of token "device"\n');
    expect(readFileSync(join(work, 'pin.txt'), 'utf8')).not.toBe(before);
    writeProgram();
    expect(await shell('node session.mjs')).toBe(arn(thing.certificateId));
  });

  it('gets to a session with a TPM', async () => {
    startTpm2();
    // The document uses the default path in the home folder.
    delete process.env.TPM2_PKCS11_STORE;
    await runBlock('libtpm2-pkcs11-1');
    expect(await runBlock('tpm.csr --subject')).toMatch(
      /^initialized token "tpm" [\s\S]*generated a key pair \(p256\) with the label "tpm-key"/,
    );
    expect(await runBlock('file://tpm.csr')).toMatch(
      /the key can be used for TLS client authentication with TLS 1\.2 and 1\.3\n$/,
    );
    const certificateId = await register('tpm-cert.pem');
    writeProgram([
      ["'thing-cert.pem'", "'pkcs11:'"],
      ["'/usr/lib/softhsm/libsofthsm2.so'", `'${TPM2_LIBRARY}'`],
      ["'device'", "'tpm'"],
      ["'thing-key'", "'tpm-key'"],
    ]);
    expect(await shell('node session.mjs')).toBe(arn(certificateId));
  });

  it('has no untested block', () => {
    expect([...remaining]).toEqual([]);
  });
});
