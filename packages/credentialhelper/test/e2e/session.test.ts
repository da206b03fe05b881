import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createSession, type FromIotCoreInit, fromIotCore } from 'awsiot-credentialhelper';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { openssl } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const THING = 'the-thing';
const ALIAS = 'the-alias';
const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');

const emulator = await startEmulator({ region: 'eu-west-1' });
const tls13 = await startEmulator({ region: 'eu-west-1', minTlsVersion: 'TLSv1.3' });
afterAll(() => Promise.all([emulator.close(), tls13.close()]));
afterEach(() => emulator.credentials.setLifetime(undefined));

/** A device at an emulator, with its key in memory, in a file and in the token. */
async function makeDevice(aws: typeof emulator, keyType: 'RSA-2048' | 'EC-P256' | 'EC-P384') {
  const name = `${aws === tls13 ? 'tls13' : 'tls12'}-${keyType}`;
  const seed = await aws.seed({ thingName: name, roleAlias: `${ALIAS}-${keyType}`, keyType });
  const certificateFile = join(folder, `${name}-cert.pem`);
  const keyFile = join(folder, `${name}-key.pem`);
  writeFileSync(certificateFile, seed.certificatePem);
  writeFileSync(keyFile, seed.privateKeyPem);
  const pkcs8 = join(folder, `${name}-pkcs8.pem`);
  writeFileSync(pkcs8, openssl('pkcs8', '-topk8', '-nocrypt', '-in', keyFile));
  const id = Buffer.from(name).toString('hex');
  softHsm.importKey({ token: 'the-token', label: name, id, file: pkcs8 });
  const pkcs11 = {
    library: SOFTHSM_LIBRARY,
    userPin: PIN,
    tokenLabel: 'the-token',
    privateKeyLabel: name,
  };
  const common = {
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    roleAlias: seed.roleAlias,
    thingName: name,
    ca: aws.ca,
  };
  const arn = `arn:aws:sts::${aws.accountId}:assumed-role/${seed.roleName}/${seed.certificateId}`;
  return { ...seed, name, certificateFile, keyFile, pkcs11, common, arn };
}

async function whoIs(aws: typeof emulator, options: FromIotCoreInit): Promise<string | undefined> {
  const sts = new STSClient({ ...createSession(options), endpoint: aws.apiEndpoint });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  sts.destroy();
  return Arn;
}

describe.each(['RSA-2048', 'EC-P256', 'EC-P384'] as const)(
  'an %s key becomes a session',
  async (keyType) => {
    const device = await makeDevice(emulator, keyType);
    const newer = await makeDevice(tls13, keyType);
    const pkcs11Uri = `pkcs11:token=the-token;object=${device.name};type=private?module-path=${SOFTHSM_LIBRARY}&pin-value=${encodeURIComponent(PIN)}`;
    const ways: readonly [string, Partial<FromIotCoreInit>][] = [
      ['files', { certificate: device.certificateFile, privateKey: device.keyFile }],
      ['PEM text', { certificate: device.certificatePem, privateKey: device.privateKeyPem }],
      [
        'DER bytes',
        {
          certificate: openssl('x509', '-in', device.certificateFile, '-outform', 'DER'),
          privateKey: openssl(
            'pkcs8',
            '-topk8',
            '-nocrypt',
            '-in',
            device.keyFile,
            '-outform',
            'DER',
          ),
        },
      ],
      ['a token', { pkcs11: device.pkcs11 }],
      ['a token, in this process', { pkcs11: { ...device.pkcs11, isolate: false } }],
      ['a PKCS#11 URI', { pkcs11: { uri: pkcs11Uri } }],
    ];

    it.each(ways)('from %s', async (_name, way) => {
      const options = {
        certificate: device.certificatePem,
        ...device.common,
        ...way,
      } as FromIotCoreInit;
      expect(await whoIs(emulator, options)).toBe(device.arn);
    });

    it('over TLS 1.3 alone, from a file and from a token', async () => {
      const common = { ...newer.common, certificate: newer.certificatePem };
      expect(await whoIs(tls13, { ...common, privateKey: newer.privateKeyPem })).toBe(newer.arn);
      expect(await whoIs(tls13, { ...common, pkcs11: newer.pkcs11 })).toBe(newer.arn);
      const seen = tls13.requests.latest.filter(({ thingName }) => thingName === newer.name);
      expect(seen.map(({ tlsVersion }) => tlsVersion)).toEqual(['TLSv1.3', 'TLSv1.3']);
    });
  },
);

describe("the service's refusals", async () => {
  const aws = await startEmulator();
  afterAll(() => aws.close());
  const { certificatePem, certificateArn, certificateId, keyPair } =
    await aws.iot.createKeysAndCertificate({
      setAsActive: false,
    });
  aws.iot.createThing({ thingName: THING });
  const roleArn = `arn:aws:iam::${aws.accountId}:role/the-role`;
  const options = {
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    roleAlias: ALIAS,
    thingName: THING,
    certificate: certificatePem,
    privateKey: keyPair.PrivateKey,
    ca: aws.ca,
  };
  const document = (statement: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', ...statement } });
  const session = createSession(options);

  const rows: readonly [string, () => unknown, string, number, string][] = [
    [
      'an inactive certificate',
      () => {},
      'ERR_CERTIFICATE_NOT_REGISTERED',
      403,
      'describe-certificate',
    ],
    [
      'a thing that is not attached',
      () => aws.iot.updateCertificate({ certificateId, newStatus: 'ACTIVE' }),
      'ERR_THING_NAME',
      403,
      `list-thing-principals --thing-name ${THING}`,
    ],
    [
      'no policy',
      () => aws.iot.attachThingPrincipal({ thingName: THING, principal: certificateArn }),
      'ERR_ACCESS_DENIED',
      403,
      'iot:AssumeRoleWithCertificate',
    ],
    [
      'no role alias',
      () => {
        const policyDocument = document({ Action: 'iot:AssumeRoleWithCertificate', Resource: '*' });
        aws.iot.createPolicy({ policyName: 'p', policyDocument });
        aws.iot.attachPolicy({ policyName: 'p', target: certificateArn });
      },
      'ERR_ROLE_ALIAS_NOT_FOUND',
      404,
      `describe-role-alias --role-alias ${ALIAS}`,
    ],
    [
      'no role',
      () => aws.iot.createRoleAlias({ roleAlias: ALIAS, roleArn, credentialDurationSeconds: 7200 }),
      'ERR_ROLE_NOT_ASSUMABLE',
      400,
      'credentials.iot.amazonaws.com',
    ],
    [
      'a duration that is too long',
      () =>
        aws.iam.createRole({
          roleName: 'the-role',
          assumeRolePolicyDocument: document({
            Principal: { Service: 'credentials.iot.amazonaws.com' },
            Action: 'sts:AssumeRole',
          }),
        }),
      'ERR_DURATION_EXCEEDS_ROLE',
      400,
      'MaxSessionDuration',
    ],
  ];

  it.each(rows)('%s', async (_name, change, code, status, resource) => {
    await change();
    const error = await errorOf(() => session.refresh());
    expect(error.code, error.message).toBe(code);
    expect(error.httpStatus).toBe(status);
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
    for (const name of [THING, ALIAS, aws.credentialsEndpoint])
      expect(error.message).toContain(name);
    expect(error.hint).toContain(resource);
    expect(error.tryNextLink).toBe(false);
  });

  it('once fixed, the same session works', async () => {
    aws.iot.deleteRoleAlias({ roleAlias: ALIAS });
    aws.iot.createRoleAlias({ roleAlias: ALIAS, roleArn });
    expect((await session.refresh()).accessKeyId).toMatch(/^ASIA/);
    expect((await session.credentials()).accessKeyId).toMatch(/^ASIA/);
  });
});

describe('the provider', async () => {
  const seed = await emulator.seed({ thingName: 'counting', roleAlias: 'counting' });
  const options = {
    endpoint: emulator.credentialsEndpoint,
    roleAlias: 'counting',
    thingName: 'counting',
    certificate: seed.certificatePem,
    privateKey: seed.privateKeyPem,
    ca: emulator.ca,
  };
  const count = () =>
    emulator.requests.latest.filter(({ thingName }) => thingName === 'counting').length;

  it('needs no region', async () => {
    expect((await fromIotCore(options)()).sessionToken).toBeDefined();
  });

  it('fetches if a refresh is forced', async () => {
    const provider = fromIotCore(options);
    const { accessKeyId } = await provider();
    expect((await provider({})).accessKeyId).toBe(accessKeyId);
    const forced = await provider({ forceRefresh: true });
    expect(forced.accessKeyId).not.toBe(accessKeyId);
    expect((await provider()).accessKeyId).toBe(forced.accessKeyId);
  });

  it('accepts the endpoint as a URL, in upper case and with a trailing dot', async () => {
    const [name = '', port] = emulator.credentialsEndpoint.split(':');
    const endpoint = ` https://${name.toUpperCase()}.:${port}/role-aliases/counting/credentials\n`;
    expect((await fromIotCore({ ...options, endpoint })()).sessionToken).toBeDefined();
  });

  it('names a misspelled role alias as a possible reason for denied access', async () => {
    const error = await errorOf(fromIotCore({ ...options, roleAlias: 'countign' }));
    expect(error.code).toBe('ERR_ACCESS_DENIED');
    expect(error.hint).toContain('role alias countign');
    expect(error.hint).toContain('AWS returns the same error for a misspelled role alias');
  });

  it('sends one request for 100 callers, and none while the credentials are valid', async () => {
    const provider = fromIotCore(options);
    const before = count();
    const all = await Promise.all(Array.from({ length: 100 }, () => provider()));
    expect(new Set(all.map(({ accessKeyId }) => accessKeyId)).size).toBe(1);
    await provider();
    expect(count() - before).toBe(1);
  });

  it('sends a request in the background before the credentials expire, and after they have expired', async () => {
    emulator.credentials.setLifetime(5000);
    const provider = fromIotCore(options);
    const first = await provider();
    await new Promise((resolve) => setTimeout(resolve, 2700));
    const second = await provider();
    expect(second.accessKeyId).toBe(first.accessKeyId);
    await expect.poll(async () => (await provider()).accessKeyId).not.toBe(first.accessKeyId);
    const third = await provider();
    await new Promise((resolve) => setTimeout(resolve, 5500));
    expect((await provider()).accessKeyId).not.toBe(third.accessKeyId);
  });

  it('reads certificate and key again for each request', async () => {
    const other = await emulator.iot.createKeysAndCertificate({
      setAsActive: true,
      keyType: 'EC-P256',
    });
    emulator.iot.attachThingPrincipal({ thingName: 'counting', principal: other.certificateArn });
    emulator.iot.attachPolicy({ policyName: 'counting-policy', target: other.certificateArn });
    const certificate = join(folder, 'rotated-cert.pem');
    const privateKey = join(folder, 'rotated-key.pem');
    writeFileSync(certificate, seed.certificatePem);
    writeFileSync(privateKey, seed.privateKeyPem);
    emulator.credentials.setLifetime(3000);
    const provider = fromIotCore({ ...options, certificate, privateKey });
    await provider();
    writeFileSync(certificate, other.certificatePem);
    writeFileSync(privateKey, other.keyPair.PrivateKey);
    await new Promise((resolve) => setTimeout(resolve, 3100));
    await provider();
    expect(emulator.requests.latest.at(-1)?.certificateId).toBe(other.certificateId);
  });

  it('shows no secret when session or provider are printed', async () => {
    const session = createSession({ ...options, region: 'eu-west-1' });
    const { secretAccessKey } = await session.credentials();
    const printed = inspect(session, { depth: 9, showHidden: true });
    expect(printed).not.toContain(secretAccessKey);
    expect(printed).not.toContain('PRIVATE KEY');
  });
});
