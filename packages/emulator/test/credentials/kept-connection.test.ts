import { execSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { allowAlias, TRUST_POLICY } from '../support/session.ts';

const clock = { offsetMs: 0, now: () => Date.now() + clock.offsetMs };
const emulator = await startEmulator({ clock });
afterAll(() => emulator.close());
const { iot, iam } = emulator;

/** A device that sends all of its requests over one connection. */
function openDevice(thing: { certificatePem: string; privateKeyPem: string; thingName?: string }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const [host, port] = emulator.credentialsEndpoint.split(':');
  const sockets = new Set<Socket>();
  const get = (): Promise<{ status: number; message?: string; credentials?: object }> =>
    new Promise((resolve, reject) => {
      request(
        {
          ...{ host, port, agent, ca: emulator.ca },
          ...{ cert: thing.certificatePem, key: thing.privateKeyPem },
          path: '/role-aliases/alias/credentials',
          headers: { 'x-amzn-iot-thingname': thing.thingName ?? 'thing' },
        },
        async (response) => {
          sockets.add(response.socket);
          const body = JSON.parse((await response.toArray()).join('')) as object;
          resolve({ status: response.statusCode ?? 0, ...body });
        },
      )
        .on('error', reject)
        .end();
    });
  return { get, sockets, close: () => agent.destroy() };
}

const seeded = await emulator.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const { certificateId, certificateArn: principal } = seeded;
const device = openDevice(seeded);
afterAll(() => device.close());
const [policyName = ''] = iot.listAttachedPolicies({ target: principal });
const { roleArn, roleAliasArn } = iot.describeRoleAlias({ roleAlias: 'alias' });
const roleName = roleArn.slice(roleArn.lastIndexOf('/') + 1);
const newStatus = (status: 'ACTIVE' | 'INACTIVE') => () =>
  iot.updateCertificate({ certificateId, newStatus: status });
const statement = (more: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'iot:AssumeRoleWithCertificate', Resource: '*', ...more },
    ],
  });
const addVersion = (policyDocument: string) =>
  iot.createPolicyVersion({ policyName, policyDocument, setAsDefault: true }).versionId;
const setVersion = (policyVersionId: string) => () =>
  iot.setDefaultPolicyVersion({ policyName, policyVersionId });
const toThing = (name: string) => ({
  Condition: { StringEquals: { 'iot:Connection.Thing.Attributes[site]': name } },
});

/** Each change, what the next request then gets, and how the change is taken back. */
const changes: readonly [string, () => unknown, number, () => unknown][] = [
  ['the certificate is deactivated', newStatus('INACTIVE'), 403, newStatus('ACTIVE')],
  [
    'the policy is detached',
    () => iot.detachPolicy({ policyName, target: principal }),
    403,
    () => iot.attachPolicy({ policyName, target: principal }),
  ],
  [
    'the thing is detached',
    () => iot.detachThingPrincipal({ thingName: 'thing', principal }),
    403,
    () => iot.attachThingPrincipal({ thingName: 'thing', principal }),
  ],
  [
    'another version of the policy is the default',
    () => addVersion(allowAlias(`${roleAliasArn}-2`)),
    403,
    setVersion('1'),
  ],
  ['the default is a version that was used before', setVersion('2'), 403, setVersion('1')],
  [
    'the attribute changes that a condition names',
    () => {
      addVersion(statement(toThing('here')));
      iot.updateThing({ thingName: 'thing', attributes: { site: 'there' } });
    },
    403,
    () => iot.updateThing({ thingName: 'thing', attributes: { site: 'here' } }),
  ],
  [
    'the time passes that a condition names',
    () => {
      const time = new Date(Date.now() + 60_000).toISOString();
      addVersion(statement({ Condition: { DateLessThan: { 'aws:CurrentTime': time } } }));
      clock.offsetMs = 120_000;
    },
    403,
    () => {
      clock.offsetMs = 0;
    },
  ],
  [
    'the role alias names another role',
    () => iot.updateRoleAlias({ roleAlias: 'alias', roleArn: `${roleArn}-2` }),
    400,
    () => iot.updateRoleAlias({ roleAlias: 'alias', roleArn }),
  ],
  [
    'the role trusts another service',
    () =>
      iam.updateAssumeRolePolicy({
        roleName,
        policyDocument: TRUST_POLICY.replace('credentials.iot', 'lambda'),
      }),
    400,
    () => iam.updateAssumeRolePolicy({ roleName, policyDocument: TRUST_POLICY }),
  ],
];

describe('on a connection that is kept, with all that is remembered of earlier requests', () => {
  beforeAll(async () => {
    expect((await device.get()).status).toBe(200);
  });

  it.each(changes)('the next request sees that %s', async (_name, change, status, back) => {
    change();
    expect((await device.get()).status).toBe(status);
    back();
    expect((await device.get()).status).toBe(200);
    expect(device.sockets.size).toBe(1);
  });

  it('a certificate is refused once it is deleted, and accepted once it is registered again', async () => {
    newStatus('INACTIVE')();
    iot.detachThingPrincipal({ thingName: 'thing', principal });
    iot.deleteCertificate({ certificateId, forceDelete: true });
    expect((await device.get()).status).toBe(403);
    const { certificatePem } = seeded;
    iot.registerCertificateWithoutCA({ certificatePem, status: 'ACTIVE' });
    iot.attachThingPrincipal({ thingName: 'thing', principal });
    iot.attachPolicy({ policyName, target: principal });
    expect((await device.get()).status).toBe(200);
  });

  it('a policy tells two certificates of one key apart', async () => {
    const { privateKeyPem } = seeded;
    // OpenSSL opens a pipe by its name, but not the socket that the input is here.
    const certificateSigningRequest = execSync(
      'cat | openssl req -new -key /dev/stdin -subj /CN=again',
      { input: privateKeyPem, encoding: 'utf8' },
    );
    const second = await iot.createCertificateFromCsr({
      certificateSigningRequest,
      setAsActive: true,
    });
    iot.attachThingPrincipal({ thingName: 'thing', principal: second.certificateArn });
    iot.attachPolicy({ policyName, target: second.certificateArn });
    const other = openDevice({ ...second, privateKeyPem });
    const statuses = async () => [(await device.get()).status, (await other.get()).status];
    try {
      expect(await statuses()).toEqual([200, 200]);
      const certificate = new X509Certificate(second.certificatePem);
      const serialNumber = BigInt(`0x${certificate.serialNumber}`).toString();
      const Condition = { StringEquals: { 'iot:Certificate.SerialNumber': serialNumber } };
      addVersion(statement({ Condition }));
      expect(await statuses()).toEqual([403, 200]);
    } finally {
      other.close();
    }
  });
});

describe('a connection', () => {
  it('keeps its certificate: TLS 1.2 cannot be renegotiated', async () => {
    const [, port] = emulator.credentialsEndpoint.split(':');
    const { certificatePem: cert, privateKeyPem: key } = seeded;
    const socket = connect({
      ...{ host: 'localhost', servername: 'localhost', port: Number(port), ca: emulator.ca },
      ...{ cert, key, maxVersion: 'TLSv1.2' },
    });
    await once(socket, 'secureConnect');
    const error = await new Promise((resolve) =>
      socket.once('error', resolve).renegotiate({}, resolve),
    );
    expect(error).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
    socket.destroy();
  });
});
