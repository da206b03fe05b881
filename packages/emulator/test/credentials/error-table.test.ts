import { request } from 'node:https';
import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { allowAlias, TRUST_POLICY } from '../support/session.ts';

const emulator = await startEmulator({ region: 'us-west-2' });
const { accountId, region, administrator } = emulator;
const options = {
  endpoint: emulator.apiEndpoint,
  region,
  credentials: administrator,
};
const things = new iot.IoTClient(options);
const roles = new iam.IAMClient(options);
afterAll(async () => {
  things.destroy();
  roles.destroy();
  await emulator.close();
});

const certificate = await things.send(new iot.CreateKeysAndCertificateCommand({}));
const { certificateId, certificateArn: principal } = certificate;
const thingName = 'table-thing';
const roleAlias = 'table-alias';
const RoleName = 'table-role';
const roleArn = `arn:aws:iam::${accountId}:role/${RoleName}`;
const roleAliasArn = `arn:aws:iot:${region}:${accountId}:rolealias/${roleAlias}`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function get(change: { method?: string; path?: string; headers?: object } = {}): Promise<Answer> {
  const [host, port] = emulator.credentialsEndpoint.split(':');
  const { method = 'GET', path = `/role-aliases/${roleAlias}/credentials` } = change;
  const headers = { 'x-amzn-iot-thingname': thingName, ...change.headers };
  const keys = { cert: certificate.certificatePem, key: certificate.keyPair?.PrivateKey };
  return new Promise((resolve, reject) => {
    request({ host, port, method, path, headers, ca: emulator.ca, agent: false, ...keys })
      .on('error', reject)
      .on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      })
      .end();
  });
}

const ACTION = 'iot:AssumeRoleWithCertificate';
const INVALID = 'Certificate is invalid on this endpoint';
const ROLE = 'Unable to assume the role, or the role to assume does not exist';
const DURATION =
  'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role';

/** Each row adds through the AWS APIs what was missing in the previous row. */
const rows: readonly [string, () => unknown, number, string, string, string][] = [
  [
    'the certificate is not active',
    () => {},
    403,
    'AccessDeniedException',
    INVALID,
    `certificate ${certificateId} is INACTIVE`,
  ],
  [
    'there is no such thing',
    () => things.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' })),
    403,
    'AccessDeniedException',
    'Invalid thing name passed',
    `there is no thing ${thingName}`,
  ],
  [
    'the thing is not attached',
    () => things.send(new iot.CreateThingCommand({ thingName })),
    403,
    'AccessDeniedException',
    'Invalid thing name passed',
    `certificate ${certificateId} is not attached to thing ${thingName}`,
  ],
  [
    'no policy allows it',
    () => things.send(new iot.AttachThingPrincipalCommand({ thingName, principal })),
    403,
    'AccessDeniedException',
    'Access Denied',
    `the attached policies (none) do not allow ${ACTION} on ${roleAliasArn} for thing ${thingName}`,
  ],
  [
    'there is no role alias',
    async () => {
      const policyName = 'table-policy';
      const policyDocument = allowAlias(roleAliasArn);
      await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
      await things.send(new iot.AttachPolicyCommand({ policyName, target: principal }));
    },
    404,
    'ResourceNotFoundException',
    'Role alias does not exist',
    `there is no role alias ${roleAlias}`,
  ],
  [
    'there is no role',
    () => {
      const alias = { roleAlias, roleArn, credentialDurationSeconds: 7200 };
      return things.send(new iot.CreateRoleAliasCommand(alias));
    },
    400,
    'InvalidRequestException',
    ROLE,
    `there is no role ${roleArn}`,
  ],
  [
    'the role trusts another principal',
    () => {
      const AssumeRolePolicyDocument = TRUST_POLICY.replace('credentials.iot', 'ec2');
      return roles.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
    },
    400,
    'InvalidRequestException',
    ROLE,
    `the trust policy of role ${RoleName} does not allow credentials.iot.amazonaws.com to assume it for ${roleAliasArn}`,
  ],
  [
    'the duration is too long for the role',
    () => {
      const trust = { RoleName, PolicyDocument: TRUST_POLICY };
      return roles.send(new iam.UpdateAssumeRolePolicyCommand(trust));
    },
    400,
    'InvalidRequestException',
    DURATION,
    `role alias ${roleAlias} has 7200 s, role ${RoleName} at most 3600 s`,
  ],
];

describe('the table of errors, with state created by the AWS APIs:', () => {
  it.each(rows)('%s', async (_name, change, status, errorType, message, reason) => {
    await change();
    const answer = await get();
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ message });
    expect(answer.headers['x-amzn-errortype']).toBe(errorType);
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers['content-type']).toBe('application/json');
    const record = emulator.requests.latest.findLast(({ endpoint }) => endpoint === 'credentials');
    expect(record).toMatchObject({ status, reason });
    const explained = emulator.credentials.explain({
      thingName,
      certificate: certificateId ?? '',
      roleAlias,
    });
    expect(explained).toMatchObject({ allowed: false, status, message });
    expect(explained.steps.filter(({ outcome }) => outcome === 'fails')).toEqual([
      expect.objectContaining({ seen: reason }),
    ]);
  });

  it('nothing is missing', async () => {
    await roles.send(new iam.UpdateRoleCommand({ RoleName, MaxSessionDuration: 7200 }));
    const { status, headers, body } = await get();
    expect(status).toBe(200);
    expect(headers['x-amzn-errortype']).toBeUndefined();
    expect(emulator.requests.latest.at(-1)?.reason).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({ credentials: { expiration: expect.any(String) } });
  });

  it('wrong methods and paths, and headers that are huge', async () => {
    expect((await get({ method: 'POST' })).status).toBe(405);
    expect((await get({ path: '/role-aliases/credentials' })).status).toBe(404);
    expect((await get({ headers: { 'x-long': 'x'.repeat(20_000) } })).status).toBe(431);
  });
});
