// Programs that get their credentials from "serve", each up to GetCallerIdentity.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { fromContainerMetadata, fromInstanceMetadata } from '@smithy/credential-provider-imds';
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { type Emulator, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openssl } from '../support/openssl.ts';
import { type Serving, send, startServe, until } from '../support/serve.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());
const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const ARN = `assumed-role/alias-role/${seed.certificateId}`;
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const key = write('key.pem', seed.privateKeyPem);
const pkcs8 = join(folder, 'key.pkcs8');
openssl('pkcs8', '-topk8', '-nocrypt', '-in', key, '-out', pkcs8);
softHsm.initToken('device');
softHsm.importKey({ token: 'device', label: 'key', id: '01', file: pkcs8 });

const settings = {
  AWS_CONFIG_FILE: join(folder, 'none'),
  AWS_IOT_CREDENTIAL_ENDPOINT: aws.credentialsEndpoint,
  AWS_IOT_ROLE_ALIAS: 'alias',
  AWS_IOT_THING_NAME: 'thing',
  AWS_IOT_CERTIFICATE: write('cert.pem', seed.certificatePem),
  AWS_IOT_CA: write('ca.pem', aws.ca),
  AWS_REGION: aws.region,
};
const KEYS = {
  'a key in a file': { AWS_IOT_PRIVATE_KEY: key },
  'a key in a token': {
    AWS_IOT_PKCS11_LIB: SOFTHSM_LIBRARY,
    AWS_IOT_PKCS11_TOKEN_LABEL: 'device',
    AWS_IOT_PKCS11_PIN: PIN,
  },
};

/** The output of a program that has no other credentials. */
const outputOf = async (
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) => {
  const { stdout } = await promisify(execFile)(file, args, {
    env: { PATH: '/usr/bin:/bin', HOME: folder, ...env },
  });
  return stdout;
};
const execute = async (...command: Parameters<typeof outputOf>) =>
  JSON.parse(await outputOf(...command));
const awsCli = (env: Readonly<Record<string, string>>) =>
  execute(
    '/usr/bin/aws',
    ['sts', 'get-caller-identity', '--endpoint-url', aws.apiEndpoint, '--output', 'json'],
    env,
  );
const boto3 = (env: Readonly<Record<string, string>>, seconds: number) =>
  execute(
    '/usr/bin/python3',
    [
      fileURLToPath(new URL('../support/sts-loop.py', import.meta.url)),
      ...[aws.apiEndpoint, String(seconds)],
    ],
    env,
  );

/** What the SDK for JavaScript sees with a provider in some seconds. */
async function sdk(provider: AwsCredentialIdentityProvider, seconds: number) {
  const sts = new STSClient({
    ...{ endpoint: aws.apiEndpoint, region: aws.region, credentials: provider },
  });
  const keys = new Set<string>();
  const arns = new Set<string | undefined>();
  let calls = 0;
  for (const endMs = Date.now() + seconds * 1000; calls === 0 || Date.now() < endMs; calls++) {
    arns.add((await sts.send(new GetCallerIdentityCommand({}))).Arn);
    keys.add((await sts.config.credentials()).accessKeyId);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { calls, keys: keys.size, arns: [...arns] };
}

const ONE = { calls: 1, keys: 1, arns: [expect.stringContaining(ARN)] };
const ROLLED_OVER_TWICE = (seen: Awaited<ReturnType<typeof sdk>>) => {
  expect(seen.arns).toEqual([expect.stringContaining(ARN)]);
  expect(seen.keys).toBeGreaterThanOrEqual(3);
  expect(seen.calls).toBeGreaterThan(20);
};

let serving: Serving;
const start = async (args: readonly string[], keySettings: Readonly<Record<string, string>>) => {
  serving = await startServe(['--listen', '127.0.0.1:0', ...args], { ...settings, ...keySettings });
  await until(async () => (await send(`${serving.base}/readyz`)).status === 200);
};
afterEach(() => vi.unstubAllEnvs());

describe.each(Object.entries(KEYS))('clients of the contract of containers, with %s', (_, own) => {
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    await start(['--token-file', join(folder, 'token')], own);
    const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri = '' } = serving.variables;
    env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: serving.token,
    };
    return async () => {
      expect(await serving.stop()).toBe(0);
    };
  });

  it('the AWS CLI', async () => {
    expect((await awsCli({ ...env, AWS_REGION: aws.region })).Arn).toContain(ARN);
  });

  it('boto3', async () => {
    expect(await boto3(env, 0)).toEqual(ONE);
  });

  it('fromHttp of the SDK for JavaScript, with the token file', async () => {
    const provider = fromHttp({
      awsContainerCredentialsFullUri: String(env.AWS_CONTAINER_CREDENTIALS_FULL_URI),
      awsContainerAuthorizationTokenFile: String(
        serving.variables.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
      ),
    });
    expect(await sdk(provider, 0)).toEqual(ONE);
  });

  it('fromContainerMetadata of the SDK for JavaScript', async () => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(await sdk(fromContainerMetadata(), 0)).toEqual(ONE);
  });
});

describe.each(Object.entries(KEYS))('clients of the contract of EC2, with %s', (_, own) => {
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    await start(['--imds'], own);
    env = serving.variables;
    expect(Object.keys(env)).toEqual(['AWS_EC2_METADATA_SERVICE_ENDPOINT']);
    return async () => {
      expect(await serving.stop()).toBe(0);
    };
  });

  it('the AWS CLI, which finds the region there, too', async () => {
    expect((await awsCli(env)).Arn).toContain(ARN);
    const listed = await outputOf('/usr/bin/aws', ['configure', 'list'], env);
    expect(listed).toMatch(new RegExp(`region +${aws.region} +imds`));
  });

  it('boto3', async () => {
    expect(await boto3(env, 0)).toEqual(ONE);
  });

  it('fromInstanceMetadata of the SDK for JavaScript, which may not use version 1', async () => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(await sdk(fromInstanceMetadata({ ec2MetadataV1Disabled: true }), 0)).toEqual(ONE);
  });
});

describe('no call fails while credentials roll over', () => {
  const SECONDS = 20;
  // These clients wait for a second, which is too short on a busy machine.
  const PATIENCE_MS = 20_000;
  beforeAll(() => {
    aws.faults.add({ lifetimeMs: 8000 });
    return () => aws.faults.clear();
  });
  afterEach(async () => {
    expect(await serving.stop()).toBe(0);
  });

  it.each(Object.entries(KEYS))('by the contract of containers, with %s', async (_, own) => {
    await start(['--token-file', join(folder, 'token')], own);
    const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri = '' } = serving.variables;
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: serving.token,
    };
    const provider = fromHttp({
      awsContainerCredentialsFullUri: uri,
      awsContainerAuthorizationToken: serving.token,
      timeout: PATIENCE_MS,
    });
    const [inPython, inNode] = await Promise.all([boto3(env, SECONDS), sdk(provider, SECONDS)]);
    ROLLED_OVER_TWICE(inPython);
    ROLLED_OVER_TWICE(inNode);
    expect(serving.stderr()).not.toContain('warning');
  });

  it('by the contract of EC2', async () => {
    await start(['--imds'], KEYS['a key in a file']);
    for (const [name, value] of Object.entries(serving.variables)) vi.stubEnv(name, value);
    const [inPython, inNode] = await Promise.all([
      boto3({ ...serving.variables, AWS_METADATA_SERVICE_TIMEOUT: '20' }, SECONDS),
      sdk(fromInstanceMetadata({ timeout: PATIENCE_MS }), SECONDS),
    ]);
    ROLLED_OVER_TWICE(inPython);
    ROLLED_OVER_TWICE(inNode);
  });
});
