import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, run } from '../support/cli.ts';
import { createDevice } from '../support/device.ts';
import { openssl } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const { files, certificateId } = await createDevice(aws, folder);

let home = '';
let config = '';
beforeEach(() => {
  // With a space: the paths in the file must be quoted.
  home = mkdtempSync(join(folder, 'my home-'));
  config = join(home, '.aws/config');
});
const env = (more: Readonly<Record<string, string>> = {}) => ({
  HOME: home,
  XDG_CACHE_HOME: home,
  ...more,
});
const given = [
  ...['--endpoint', aws.credentialsEndpoint, '--role-alias', 'alias', '--thing-name', 'thing'],
  ...['--certificate', files.certificate, '--private-key', files.key, '--ca', files.ca],
  ...['--region', aws.region],
];
const configure = (args: readonly string[], more = {}) =>
  run(['configure', ...args], { env: env(more) });
const writeConfig = (text: string) => {
  mkdirSync(join(home, '.aws'), { recursive: true });
  writeFileSync(config, text);
};

/** Calls GetCallerIdentity with the AWS CLI, boto3 and the AWS SDK for JavaScript. */
async function expectClients(id: string): Promise<void> {
  const plain = { ...process.env, PATH: '/usr/bin:/bin', AWS_PROFILE: 'device', ...env() };
  const arns = await Promise.all(
    [
      ['/usr/bin/aws', 'sts', 'get-caller-identity', '--endpoint-url', aws.apiEndpoint],
      [
        '/usr/bin/python3',
        '-c',
        `import boto3; print(boto3.client('sts', endpoint_url='${aws.apiEndpoint}').get_caller_identity())`,
      ],
      [
        process.execPath,
        '--input-type=module',
        '-e',
        `import { GetCallerIdentityCommand, STSClient } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-sts'))}; console.log((await new STSClient({ endpoint: '${aws.apiEndpoint}' }).send(new GetCallerIdentityCommand({}))).Arn)`,
      ],
    ].map(([file = '', ...args]) => promisify(execFile)(file, args, { env: plain })),
  );
  for (const { stdout: printed } of arns) expect(printed).toContain(id);
}

describe('configure', () => {
  it('writes a profile that the AWS CLI, boto3 and the AWS SDK use', async () => {
    const { status, stdout, stderr } = await configure(['--profile', 'device', ...given]);
    expect([status, stdout, stderr]).toEqual([0, `wrote profile "device" in ${config}\n`, '']);
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, '.aws')).mode & 0o777).toBe(0o700);
    expect(readFileSync(config, 'utf8')).toBe(`[profile device]
iot_credential_endpoint = ${aws.credentialsEndpoint}
iot_role_alias = alias
iot_thing_name = thing
iot_certificate = ${files.certificate}
iot_private_key = ${files.key}
iot_ca = ${files.ca}
region = ${aws.region}
credential_process = ${process.execPath} ${MAIN} credential-process --profile device
`);
    await expectClients(certificateId);
  });

  it('quotes what the shell and the AWS CLI would split', async () => {
    const settings = join(home, 'settings.yaml');
    writeFileSync(
      settings,
      `endpoint: ${aws.credentialsEndpoint}\nroleAlias: alias\nthingName: thing\ncertificate: ${files.certificate}\nprivateKey: ${files.key}\nca: ${files.ca}\nregion: ${aws.region}\n`,
    );
    const { status, stderr } = await configure([
      '--profile',
      'device',
      '--config',
      settings,
      '--region',
      aws.region,
    ]);
    expect([status, stderr]).toEqual([0, '']);
    expect(readFileSync(config, 'utf8')).toContain(` --config "${settings}"\n`);
    const { stdout } = await promisify(execFile)(
      '/usr/bin/aws',
      ['sts', 'get-caller-identity', '--endpoint-url', aws.apiEndpoint],
      { env: { PATH: '/usr/bin:/bin', AWS_PROFILE: 'device', ...env() } },
    );
    expect(stdout).toContain(certificateId);
  });

  it('changes its keys alone, and nothing the second time', async () => {
    const before =
      '# mine\r\n[default]\r\nregion=us-east-1\r\n\r\n[profile device]\r\n# a comment\r\niot_role_alias=old\r\noutput = json\r\n\r\n[sso-session s]\r\nsso_region = x\r\n';
    writeConfig(before);
    expect((await configure(['--profile', 'device', ...given])).status).toBe(0);
    const after = readFileSync(config, 'utf8');
    expect(after).toContain(
      '[profile device]\r\n# a comment\r\niot_role_alias = alias\r\noutput = json\r\n',
    );
    expect(after.replaceAll(/^(?:iot_\w+|credential_process|region) = .*\r\n/gm, '')).toBe(
      before.replace('iot_role_alias=old\r\n', ''),
    );
    const again = await configure(['--profile', 'device', ...given]);
    expect(again.stdout).toBe(`nothing to change in profile "device" in ${config}\n`);
    expect(readFileSync(config, 'utf8')).toBe(after);
    // One setting more; the others are in the profile.
    expect((await configure(['--profile', 'device', '--timeout-ms', '5000'])).status).toBe(0);
    expect(readFileSync(config, 'utf8')).toContain('iot_timeout_ms = 5000\r\n');
  });

  it('replaces a key in a file by one in a token', async () => {
    await configure(['--profile', 'device', ...given]);
    const pin = join(home, 'pin');
    writeFileSync(pin, PIN, { mode: 0o600 });
    const softHsm = startSoftHsm();
    softHsm.initToken('device');
    const pkcs8 = join(home, 'key.pkcs8');
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', files.key, '-out', pkcs8);
    softHsm.importKey({ token: 'device', label: 'key', id: '01', file: pkcs8 });
    const token = ['--module', SOFTHSM_LIBRARY, '--token-label', 'device', '--pin-file', pin];
    const { status, stderr } = await configure(['--profile', 'device', ...token]);
    expect([status, stderr]).toEqual([0, '']);
    const text = readFileSync(config, 'utf8');
    expect(text).not.toContain('iot_private_key');
    expect(text).toContain(`iot_pkcs11_lib = ${SOFTHSM_LIBRARY}\n`);
    expect(text).toContain(`iot_pkcs11_pin_file = ${pin}\n`);
    await expectClients(certificateId);
    await configure(['--profile', 'device', '--private-key', files.key]);
    expect(readFileSync(config, 'utf8')).not.toContain('pkcs11');
  });

  it('prints what it would write with --dry-run', async () => {
    const { status, stdout } = await configure(['--profile', 'device', '--dry-run', ...given]);
    expect(status).toBe(0);
    expect(stdout).toContain(`# ${config}\n[profile device]\niot_credential_endpoint = `);
    expect(existsSync(join(home, '.aws'))).toBe(false);
    const json = await configure(['--profile', 'device', '--dry-run', '--json', ...given]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      file: config,
      profile: 'device',
      keys: { region: aws.region },
    });
  });

  it.each([
    [
      'aws_access_key_id = AKIA\naws_secret_access_key = x',
      'has aws_access_key_id, which AWS SDKs prefer',
    ],
    ['role_arn = arn:aws:iam::1:role/x', 'has role_arn'],
    ['sso_session = s', 'has sso_session'],
    ['credential_process = /bin/other', 'has another credential_process'],
  ])('refuses a profile with %j, unless forced', async (keys, problem) => {
    const text = `[profile device]\n${keys}\n`;
    writeConfig(text);
    const { status, stderr } = await configure(['--profile', 'device', ...given]);
    expect(status).toBe(2);
    expect(stderr.split('\n')[0]).toContain(problem);
    expect(readFileSync(config, 'utf8')).toBe(text);
    expect((await configure(['--profile', 'device', '--force', ...given])).status).toBe(0);
    expect(readFileSync(config, 'utf8')).toContain('credential-process --profile device\n');
  });

  it('refuses static credentials in the other file', async () => {
    mkdirSync(join(home, '.aws'));
    writeFileSync(join(home, '.aws/credentials'), '[device]\naws_access_key_id = AKIA\n');
    const { status, stderr } = await configure(['--profile', 'device', ...given]);
    expect([status, existsSync(config)]).toEqual([2, false]);
    expect(stderr).toContain(`in ${join(home, '.aws/credentials')} has aws_access_key_id`);
  });

  it.each([
    [['--profile', 'device'], 'not set: endpoint of the credential provider'],
    [['--profile', 'my thing', ...given], 'the name of the profile is not one'],
    [['--profile', '__proto__', ...given, '--dry-run'], 'the name of the profile is not one'],
    [['--profile', '', ...given, '--dry-run'], 'the name of the profile is not one'],
    [['--profile', 'device', ...given, '--ca', '-'], '--ca cannot be standard input: each process'],
    [['--profile', 'device', ...given, '--role-alias', 'a b'], '"roleAlias" must be'],
    [['--profile', 'device', ...given, '--user-agent', 'x # y'], 'would not read iot_user_agent'],
  ])('refuses %j', async (args, problem) => {
    const { status, stdout, stderr } = await configure(args);
    expect([status, stdout, existsSync(config)]).toEqual([2, '', false]);
    expect(stderr.split('\n')[0]).toContain(problem);
  });

  it('names what keeps it from writing', async () => {
    const { status, stderr } = await configure(['--profile', 'device', ...given], {
      AWS_CONFIG_FILE: '/proc/none/config',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^awsiot-credentialhelper: error: cannot write \/proc\/none\/config: \S.*\n$/,
    );
  });
});
