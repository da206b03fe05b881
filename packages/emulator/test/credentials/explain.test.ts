import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type Explanation, startEmulator } from '../../src/index.ts';
import { startAwsCli } from '../support/aws-cli.ts';
import { allowAlias, TRUST_POLICY } from '../support/session.ts';

const folder = mkdtempSync(join(tmpdir(), 'emulator-explain-'));
const aws = await startEmulator({ region: 'eu-west-1' });
const cli = startAwsCli(aws, folder);
const { iot, iam, credentials, region, accountId } = aws;
afterAll(async () => {
  cli.close();
  await aws.close();
  rmSync(folder, { recursive: true });
});

const device = await aws.seed({ thingName: 'seeded', roleAlias: 'seeded', keyType: 'EC-P256' });
const { certificateId, certificateArn: principal } = device;
const agent = new Agent({
  keepAlive: true,
  maxSockets: 1,
  ca: aws.ca,
  cert: device.certificatePem,
  key: device.privateKeyPem,
});
afterAll(() => agent.destroy());

/** The status and the message of a request, and the reason in the request log. */
async function ask(thingName: string | undefined, roleAlias: string) {
  const [host, port] = aws.credentialsEndpoint.split(':');
  const path = `/role-aliases/${encodeURIComponent(roleAlias)}/credentials`;
  const headers = thingName === undefined ? {} : { 'x-amzn-iot-thingname': thingName };
  const [status, body] = await new Promise<[number | undefined, string]>((resolve, reject) => {
    request({ host, port, path, headers, agent }, async (response) => {
      resolve([response.statusCode, (await response.toArray()).join('')]);
    })
      .on('error', reject)
      .end();
  });
  const { message = '' } = JSON.parse(body);
  const { reason } =
    aws.requests.latest.findLast(({ endpoint }) => endpoint === 'credentials') ?? {};
  return { status, message, reason };
}

const failing = ({ steps }: Explanation) => steps.find(({ outcome }) => outcome === 'fails');

/** Explains, and runs the commands of the step that fails with the AWS CLI, until nothing fails. */
async function mend(thingName: string, roleAlias: string, certificate = certificateId) {
  const failed: string[] = [];
  for (;;) {
    const explanation = credentials.explain({ thingName, certificate, roleAlias });
    const step = failing(explanation);
    if (step === undefined) {
      expect(explanation).toMatchObject({ allowed: true, status: 200, message: '' });
      return failed;
    }
    expect(failed, `${step.seen}: ${step.commands.join('\n')}`).not.toContain(step.seen);
    failed.push(step.seen);
    for (const command of step.commands) await cli.run(command);
  }
}

const roleAliasArn = (name: string) => `arn:aws:iot:${region}:${accountId}:rolealias/${name}`;
const deny = (name: string) => allowAlias(roleAliasArn(name)).replace('Allow', 'Deny');

describe('an explanation', () => {
  it('has each step in the order of AWS, and the statement that decided', () => {
    const { steps } = credentials.explain({
      thingName: 'seeded',
      certificate: device.certificatePem,
      roleAlias: 'seeded',
    });
    expect(steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'endpoint holds',
      'certificate holds',
      'thing holds',
      'policy holds',
      'role alias holds',
      'role holds',
      'duration holds',
    ]);
    expect(steps.find(({ name }) => name === 'policy')?.policy).toEqual({
      policyName: device.policyName,
      target: principal,
      effect: 'Allow',
      statement: {
        Effect: 'Allow',
        Action: 'iot:AssumeRoleWithCertificate',
        Resource: roleAliasArn('seeded'),
      },
    });
  });

  it('does not reach what is behind the first step that fails', () => {
    const { steps } = credentials.explain({
      thingName: 'nobody',
      certificate: certificateId,
      roleAlias: 'none',
    });
    expect(steps.slice(3).map(({ outcome, seen }) => [outcome, seen])).toEqual(
      Array(4).fill(['not reached', '']),
    );
  });

  it('refuses what is no certificate', () => {
    const input = { certificate: 'certificate.pem', roleAlias: 'seeded' };
    expect(() => credentials.explain(input)).toThrow('neither an id of 64 hexadecimal digits');
  });

  it('has no command for names that cannot exist', () => {
    const step = failing(
      credentials.explain({
        thingName: "it's; reboot",
        certificate: certificateId,
        roleAlias: 'seeded',
      }),
    );
    expect(step).toMatchObject({ name: 'thing', commands: [] });
  });
});

describe('the commands of an explanation', { timeout: 120_000 }, () => {
  it('lead from an empty account to credentials', async () => {
    const created = await iot.createKeysAndCertificate({ setAsActive: false });
    iot.detachPolicy({ policyName: device.policyName, target: principal });
    const seen = await mend('new-thing', 'new-alias', created.certificateId);
    iot.attachPolicy({ policyName: device.policyName, target: principal });
    expect(seen).toEqual([
      `certificate ${created.certificateId} is INACTIVE`,
      'there is no thing new-thing',
      `the attached policies (none) do not allow iot:AssumeRoleWithCertificate on ${roleAliasArn('new-alias')} for thing new-thing`,
      'there is no role alias new-alias',
    ]);
  });

  it('register a certificate, and attach a policy that there is', async () => {
    const other = await startEmulator();
    const { certificatePem } = await other.seed({ thingName: 'it', roleAlias: 'it' });
    await other.close();
    writeFileSync(join(folder, 'certificate.pem'), certificatePem);
    const seen = await mend('seeded', 'seeded', certificatePem);
    expect(seen.map((text) => text.replace(/[0-9a-f]{64}/, 'ID'))).toEqual([
      'certificate ID is not registered',
      'certificate ID is not attached to thing seeded',
      `the attached policies (none) do not allow iot:AssumeRoleWithCertificate on ${roleAliasArn('seeded')} for thing seeded`,
    ]);
  });

  it('mend a role, its trust, its sessions, and policies that deny', async () => {
    iam.createRole({
      roleName: 'it+is=a,long@name',
      path: '/devices/',
      assumeRolePolicyDocument: TRUST_POLICY.replace('credentials.iot', 'ec2'),
    });
    const roleArn = `arn:aws:iam::${accountId}:role/devices/it+is=a,long@name`;
    iot.createRoleAlias({ roleAlias: 'broken', roleArn, credentialDurationSeconds: 7200 });
    iot.createPolicy({ policyName: 'broken', policyDocument: allowAlias(roleAliasArn('broken')) });
    iot.createPolicy({ policyName: 'deny', policyDocument: deny('broken') });
    iot.createThingGroup({ thingGroupName: 'above' });
    iot.createThingGroup({ thingGroupName: 'below', parentGroupName: 'above' });
    iot.addThingToThingGroup({ thingName: 'seeded', thingGroupName: 'below' });
    const above = `arn:aws:iot:${region}:${accountId}:thinggroup/above`;
    iot.attachPolicy({ policyName: 'broken', target: principal });
    iot.attachPolicy({ policyName: 'deny', target: principal });
    iot.attachPolicy({ policyName: 'deny', target: above });
    expect(
      failing(
        credentials.explain({
          thingName: 'seeded',
          certificate: certificateId,
          roleAlias: 'broken',
        }),
      )?.policy,
    ).toMatchObject({ policyName: 'deny', effect: 'Deny', target: principal });
    iot.detachPolicy({ policyName: 'deny', target: principal });
    const seen = await mend('seeded', 'broken');
    expect(seen.map((text) => text.slice(0, 40))).toEqual([
      'the attached policies (seeded-policy, br',
      'the trust policy of role it+is=a,long@na',
      'role alias broken has 7200 s, role it+is',
    ]);
    iam.deleteRole({ roleName: 'it+is=a,long@name' });
    expect(await mend('seeded', 'broken')).toEqual([
      `there is no role ${roleArn}`,
      expect.stringContaining('has 7200 s'),
    ]);
  });
});

/** What a state may have. */
const STATES = fc.record({
  status: fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'INACTIVE', 'REVOKED'),
  thingName: fc.constantFrom(undefined, 'fuzz', 'fuzz', 'fuzz', 'none'),
  isAttached: fc.constantFrom(true, true, true, false),
  isInGroup: fc.boolean(),
  certificatePolicies: fc.subarray(['allow', 'allow-by-thing', 'deny', 'other']),
  groupPolicies: fc.subarray(['allow', 'deny']),
  roleAlias: fc.constantFrom('fuzz', 'fuzz', 'fuzz', 'no-role', 'none', 'not a name'),
  trusts: fc.constantFrom(true, true, false),
  durationSeconds: fc.constantFrom(900, 3600, 7200),
});

it('agrees with the response and the request log in every state', async () => {
  const roleName = 'fuzz';
  const roleArn = `arn:aws:iam::${accountId}:role/${roleName}`;
  iam.createRole({ roleName, assumeRolePolicyDocument: TRUST_POLICY });
  iot.createRoleAlias({ roleAlias: 'fuzz', roleArn });
  iot.createRoleAlias({ roleAlias: 'no-role', roleArn: `${roleArn}-none` });
  iot.createThing({ thingName: 'fuzz' });
  iot.createThingGroup({ thingGroupName: 'fuzz' });
  const target = `arn:aws:iot:${region}:${accountId}:thinggroup/fuzz`;
  const byThing = roleAliasArn(`\${iot:Connection.Thing.ThingName}`);
  const documents = {
    allow: allowAlias(roleAliasArn('*')),
    'allow-by-thing': allowAlias(byThing),
    deny: deny('fuzz'),
    other: allowAlias(roleAliasArn('other')),
  };
  for (const [policyName, policyDocument] of Object.entries(documents)) {
    iot.createPolicy({ policyName: `fuzz-${policyName}`, policyDocument });
  }
  iot.detachPolicy({ policyName: device.policyName, target: principal });
  const attach = (names: readonly string[], to: string) => {
    for (const name of Object.keys(documents)) {
      const change = names.includes(name) ? iot.attachPolicy : iot.detachPolicy;
      change({ policyName: `fuzz-${name}`, target: to });
    }
  };
  const outcomes = new Set<string>();
  const property = fc.asyncProperty(STATES, async (state) => {
    const { status, thingName, roleAlias, durationSeconds } = state;
    iot.updateCertificate({ certificateId, newStatus: status as 'ACTIVE' });
    const attachment = { thingName: 'fuzz', principal };
    if (state.isAttached) iot.attachThingPrincipal(attachment);
    else iot.detachThingPrincipal(attachment);
    const membership = { thingName: 'fuzz', thingGroupName: 'fuzz' };
    if (state.isInGroup) iot.addThingToThingGroup(membership);
    else iot.removeThingFromThingGroup(membership);
    attach(state.certificatePolicies, principal);
    attach(state.groupPolicies, target);
    iam.updateAssumeRolePolicy({
      roleName,
      policyDocument: state.trusts ? TRUST_POLICY : TRUST_POLICY.replace('Allow', 'Deny'),
    });
    iot.updateRoleAlias({ roleAlias: 'fuzz', credentialDurationSeconds: durationSeconds });
    const explanation = credentials.explain({ thingName, certificate: certificateId, roleAlias });
    const answer = await ask(thingName, roleAlias);
    expect(explanation).toMatchObject({
      allowed: answer.status === 200,
      status: answer.status,
      message: answer.message,
    });
    const step = failing(explanation);
    expect(step?.seen).toBe(answer.reason);
    outcomes.add(step?.name ?? 'credentials');
  });
  await fc.assert(property, { numRuns: 300, seed: 18 });
  expect([...outcomes].sort()).toEqual([
    'certificate',
    'credentials',
    'duration',
    'policy',
    'role',
    'role alias',
    'thing',
  ]);
});
