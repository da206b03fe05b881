import { request } from 'node:https';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/index.ts';

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';
const THING = 'the-thing';
const ALIAS = 'the-alias';

const clock = { offsetMs: 0, now: () => Date.now() + clock.offsetMs };
const emulator = await startEmulator({ accountId: ACCOUNT, region: REGION, clock });
afterAll(() => emulator.close());
beforeEach(() => {
  clock.offsetMs = 0;
  emulator.credentials.setLifetime(undefined);
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

interface Client {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly thingName?: string | undefined;
  readonly path?: string;
  readonly method?: string;
}

/** One request with Node.js alone: the data on the wire. */
function get(client: Client): Promise<Answer> {
  const [host, port] = emulator.credentialsEndpoint.split(':');
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host,
        port,
        method: client.method ?? 'GET',
        path: client.path ?? `/role-aliases/${ALIAS}/credentials`,
        ca: emulator.ca,
        cert: client.certificate,
        key: client.key,
        agent: false,
        headers: client.thingName === undefined ? {} : { 'x-amzn-iot-thingname': client.thingName },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      },
    );
    sent.on('error', reject).end();
  });
}

const allow = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: 'iot:AssumeRole*',
      Resource: `arn:aws:iot:${REGION}:${ACCOUNT}:rolealias/the-*`,
    },
  ],
});
const trust = (service: string) =>
  JSON.stringify({
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  });

/** The table of AWS's responses, row by row, with real state: each row adds what was missing in the previous row. */
describe('the credential provider', async () => {
  const device = await emulator.iot.createKeysAndCertificate({
    setAsActive: true,
    keyType: 'EC-P256',
  });
  const client = {
    certificate: device.certificatePem,
    key: device.keyPair.PrivateKey,
    thingName: THING,
  };
  emulator.iot.createThing({ thingName: THING });
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/the-role`;

  const rows: readonly [string, () => unknown, number, string][] = [
    ['the thing is not attached', () => {}, 403, 'Invalid thing name passed'],
    [
      'no policy is attached',
      () =>
        emulator.iot.attachThingPrincipal({ thingName: THING, principal: device.certificateArn }),
      403,
      'Access Denied',
    ],
    [
      'the policy allows something else',
      () => {
        const policyDocument = allow.replace('iot:AssumeRole*', 'iot:Connect');
        emulator.iot.createPolicy({ policyName: 'other', policyDocument });
        emulator.iot.attachPolicy({ policyName: 'other', target: device.certificateArn });
      },
      403,
      'Access Denied',
    ],
    [
      'there is no role alias',
      () => {
        emulator.iot.createPolicy({ policyName: 'allow', policyDocument: allow });
        emulator.iot.attachPolicy({ policyName: 'allow', target: device.certificateArn });
      },
      404,
      'Role alias does not exist',
    ],
    [
      'there is no role',
      () =>
        emulator.iot.createRoleAlias({
          roleAlias: ALIAS,
          roleArn,
          credentialDurationSeconds: 7200,
        }),
      400,
      'Unable to assume the role, or the role to assume does not exist',
    ],
    [
      'the role trusts another service',
      () =>
        emulator.iam.createRole({
          roleName: 'the-role',
          assumeRolePolicyDocument: trust('iot.amazonaws.com'),
        }),
      400,
      'Unable to assume the role, or the role to assume does not exist',
    ],
    [
      'the duration is longer than the role allows',
      () => {
        emulator.iam.deleteRole({ roleName: 'the-role' });
        emulator.iam.createRole({
          roleName: 'the-role',
          assumeRolePolicyDocument: trust('credentials.iot.amazonaws.com'),
        });
      },
      400,
      'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
    ],
  ];

  it.each(rows)('where %s', async (_name, change, status, message) => {
    await change();
    const answer = await get(client);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ message });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    if (status === 403) expect(answer.headers['x-amzn-errortype']).toBe('AccessDeniedException');
  });

  it('returns credentials if nothing is missing', async () => {
    emulator.iot.deleteRoleAlias({ roleAlias: ALIAS });
    emulator.iot.createRoleAlias({ roleAlias: ALIAS, roleArn, credentialDurationSeconds: 900 });
    const answer = await get(client);
    expect(answer.status).toBe(200);
    const { credentials } = JSON.parse(answer.body) as { credentials: Record<string, string> };
    expect(Object.keys(credentials)).toEqual([
      'accessKeyId',
      'secretAccessKey',
      'sessionToken',
      'expiration',
    ]);
    expect(credentials.accessKeyId).toMatch(/^ASIA[A-Z0-9]{16}$/);
    expect(credentials.expiration).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const lifetimeMs = Date.parse(credentials.expiration ?? '') - Date.now();
    expect(Math.abs(lifetimeMs - 900_000)).toBeLessThan(10_000);
  });

  it('requires no thing name, accepts an encoded role alias, and an explicit deny overrides', async () => {
    expect((await get({ ...client, thingName: undefined })).status).toBe(200);
    expect((await get({ ...client, path: '/role-aliases/the%2Dalias/credentials' })).status).toBe(
      200,
    );
    const policyDocument = allow.replace('Allow', 'Deny');
    emulator.iot.createPolicy({ policyName: 'deny', policyDocument });
    emulator.iot.attachPolicy({ policyName: 'deny', target: device.certificateArn });
    expect((await get(client)).body).toContain('Access Denied');
    emulator.iot.detachPolicy({ policyName: 'deny', target: device.certificateArn });
    expect((await get(client)).status).toBe(200);
  });

  it('rejects an inactive, unknown or missing certificate', async () => {
    const stranger = await (await startStranger()).iot.createKeysAndCertificate({
      setAsActive: true,
    });
    emulator.iot.updateCertificate({ certificateId: device.certificateId, newStatus: 'INACTIVE' });
    const answers = await Promise.all([
      get(client),
      get({ ...client, certificate: stranger.certificatePem, key: stranger.keyPair.PrivateKey }),
      get({ thingName: THING }),
    ]);
    emulator.iot.updateCertificate({ certificateId: device.certificateId, newStatus: 'ACTIVE' });
    for (const { status, body } of answers) {
      expect(status).toBe(403);
      expect(JSON.parse(body)).toEqual({ message: 'Certificate is invalid on this endpoint' });
    }
  });

  it('rejects other methods, paths and names that every object has', async () => {
    expect((await get({ ...client, method: 'POST' })).status).toBe(405);
    expect((await get({ ...client, path: '/role-aliases/%zz/credentials' })).status).toBe(404);
    expect((await get({ ...client, path: '/' })).status).toBe(404);
    const tooLong = `/role-aliases/${'a'.repeat(129)}/credentials`;
    expect((await get({ ...client, path: tooLong })).status).toBe(404);
    expect(emulator.requests.latest.at(-1)?.reason).toContain('at most 128 characters, not 129');
    expect((await get({ ...client, thingName: 'constructor' })).status).toBe(403);
    expect((await get({ ...client, path: '/role-aliases/the-__proto__/credentials' })).status).toBe(
      404,
    );
  });

  it('records requests, without secrets', async () => {
    await get(client);
    expect(emulator.requests.latest.at(-1)).toMatchObject({
      endpoint: 'credentials',
      method: 'GET',
      path: `/role-aliases/${ALIAS}/credentials`,
      thingName: THING,
      certificateId: device.certificateId,
      tlsVersion: 'TLSv1.3',
      serverName: 'localhost',
      status: 200,
    });
  });

  it('issues credentials that STS accepts until they expire', async () => {
    emulator.credentials.setLifetime(60_000);
    const { credentials } = JSON.parse((await get(client)).body) as {
      credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
    };
    expect(await whoIs(credentials)).toMatchObject({
      Account: ACCOUNT,
      Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/the-role/${device.certificateId}`,
      UserId: expect.stringMatching(new RegExp(`^AROA[A-Z0-9]{17}:${device.certificateId}$`)),
    });
    const wrong = { ...credentials, secretAccessKey: `${credentials.secretAccessKey}x` };
    await expect(whoIs(wrong)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    const { sessionToken: _, ...noToken } = credentials;
    await expect(whoIs(noToken)).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    const cut = { ...credentials, sessionToken: credentials.sessionToken.slice(0, 20) };
    await expect(whoIs(cut)).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    clock.offsetMs = 61_000;
    await expect(whoIs(credentials)).rejects.toMatchObject({ name: 'ExpiredToken' });
    clock.offsetMs = 10 * 60_000;
    await expect(whoIs(credentials)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  });

  it('recognizes the administrator', async () => {
    expect(await whoIs(emulator.administrator)).toMatchObject({
      Arn: `arn:aws:iam::${ACCOUNT}:root`,
    });
  });

  async function whoIs(credentials: { accessKeyId: string; secretAccessKey: string }) {
    const { accessKeyId, secretAccessKey } = credentials;
    const { sessionToken } = credentials as { sessionToken?: string };
    const sts = new STSClient({
      endpoint: emulator.apiEndpoint,
      region: REGION,
      maxAttempts: 1,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    });
    return sts.send(new GetCallerIdentityCommand({})).finally(() => sts.destroy());
  }
});

async function startStranger(): Promise<Emulator> {
  const stranger = await startEmulator();
  afterAll(() => stranger.close());
  return stranger;
}
