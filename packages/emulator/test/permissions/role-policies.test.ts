// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { deviceClients } from '../support/device.ts';
import { clientsOf, isDenied } from '../support/operations.ts';
import { TRUST_POLICY } from '../support/session.ts';

const aws = await startEmulator({ region: 'eu-west-1', accountId: '111122223333' });
const device = await aws.seed({ thingName: 'red', roleAlias: 'fleet', keyType: 'EC-P256' });
const { roleName, roleArn, certificateId } = device;
aws.iot.createThingType({ thingTypeName: 'lamp' });
aws.iot.updateThing({ thingName: 'red', thingTypeName: 'lamp' });
aws.iot.createThing({ thingName: 'blue' });
aws.iam.tagRole({ roleName, tags: [{ Key: 'Team', Value: 'red' }] });
const named = await deviceClients(aws, device);
const nameless = await deviceClients(aws, device, '');
afterAll(async () => {
  for (const clients of [named, nameless]) clients.close();
  await aws.close();
});

const sessionArn = `arn:aws:sts::111122223333:assumed-role/${roleName}/${certificateId}`;
const thing = (name: string) => `arn:aws:iot:eu-west-1:111122223333:thing/${name}`;
const describeThing = (thingName: string, { things } = named) =>
  things.send(new iot.DescribeThingCommand({ thingName }));
const allow = (Action: unknown, Resource: unknown, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const deny = (Action: unknown, Resource: unknown) => ({ Effect: 'Deny', Action, Resource });

function put(...Statement: object[]): void {
  const policyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  aws.iam.putRolePolicy({ roleName, policyName: 'tried', policyDocument });
}

const START = Date.now();
const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();
const [early, late] = [iso(START - MINUTE), iso(START + 600 * MINUTE)];
const BOTH = { named: true, nameless: true };
const NEITHER = { named: false, nameless: false };
const NAMED = { named: true, nameless: false };

describe('a session of a device', () => {
  it('may use its own thing', async () => {
    put(allow('iot:DescribeThing', thing('${credentials-iot:ThingName}')));
    await describeThing('red');
    expect(await isDenied(describeThing('blue'))).toBe(true);
    expect(await isDenied(describeThing('red', nameless))).toBe(true);
  });

  it('has the tags of its role', async () => {
    put(allow('iot:DescribeThing', thing('${aws:PrincipalTag/Team}')));
    await describeThing('red', nameless);
    expect(await isDenied(describeThing('blue'))).toBe(true);
    put(allow('iot:DescribeThing', thing('${aws:PrincipalTag/Other}*')));
    expect(await isDenied(describeThing('red'))).toBe(true);
  });

  it.each<[object, typeof BOTH]>([
    [{ StringEquals: { 'credentials-iot:ThingTypeName': 'lamp' } }, NAMED],
    [{ StringEquals: { 'credentials-iot:ThingTypeName': 'pump' } }, NEITHER],
    [{ StringEquals: { 'Credentials-IoT:AwsCertificateId': certificateId } }, BOTH],
    [{ Null: { 'credentials-iot:ThingName': 'true' } }, { named: false, nameless: true }],
    [{ Null: { 'aws:username': 'true' } }, BOTH],
    [{ ArnEquals: { 'aws:PrincipalArn': roleArn } }, BOTH],
    [{ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/x*' } }, NEITHER],
    [{ StringEquals: { 'aws:PrincipalAccount': '111122223333' } }, BOTH],
    [{ StringLike: { 'aws:userid': `AROA*:${certificateId}` } }, BOTH],
    [{ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }, BOTH],
    [{ NotIpAddress: { 'aws:SourceIp': '127.0.0.1' } }, NEITHER],
    [{ StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } }, BOTH],
    [{ Bool: { 'aws:SecureTransport': 'true' } }, BOTH],
    [{ BoolIfExists: { 'aws:MultiFactorAuthPresent': 'true' } }, NEITHER],
    [{ DateGreaterThan: { 'aws:CurrentTime': early } }, BOTH],
    [{ DateGreaterThan: { 'aws:CurrentTime': late } }, NEITHER],
    [{ NumericGreaterThan: { 'aws:EpochTime': '1700000000' } }, BOTH],
    [{ DateGreaterThan: { 'aws:TokenIssueTime': early } }, BOTH],
    [{ DateLessThan: { 'aws:TokenIssueTime': early } }, NEITHER],
    [{ StringLike: { 'aws:UserAgent': 'aws-sdk-js/*' } }, BOTH],
  ])('with the condition %j: %j', async (condition, expected) => {
    put(allow('iot:*', '*', condition));
    expect({
      named: !(await isDenied(describeThing('red'))),
      nameless: !(await isDenied(describeThing('red', nameless))),
    }).toEqual(expected);
  });

  it('has the thing and its type as they were when the credentials were issued', async () => {
    put(allow('iot:*', '*', { StringEquals: { 'credentials-iot:ThingTypeName': 'lamp' } }));
    aws.iot.updateThing({ thingName: 'red', removeThingType: true });
    await describeThing('red');
    const later = await deviceClients(aws, device);
    expect(await isDenied(describeThing('red', later))).toBe(true);
    later.close();
    aws.iot.updateThing({ thingName: 'red', thingTypeName: 'lamp' });
  });

  it('is refused in the words of each service', async () => {
    put(allow('iot:ListThings', '*'), deny('iam:GetRole', '*'), deny('sts:*', '*'));
    await expect(describeThing('red')).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: `User: ${sessionArn} is not authorized to perform: iot:DescribeThing on resource: ${thing('red')} because no identity-based policy allows the iot:DescribeThing action`,
      $metadata: { httpStatusCode: 403 },
    });
    expect(aws.requests.latest.at(-1)).toMatchObject({
      operation: 'iot:DescribeThing',
      callerArn: sessionArn,
      reason: `the policies of role ${roleName} (tried) do not allow iot:DescribeThing on ${thing('red')}`,
    });
    const getRole = new iam.GetRoleCommand({ RoleName: roleName });
    await expect(named.roles.send(getRole)).rejects.toMatchObject({
      name: 'AccessDenied',
      message: `User: ${sessionArn} is not authorized to perform: iam:GetRole on resource: ${roleArn} with an explicit deny in an identity-based policy`,
      $metadata: { httpStatusCode: 403 },
    });
    expect(aws.requests.latest.at(-1)?.reason).toBe(
      `policy tried of role ${roleName} denies iam:GetRole on ${roleArn}: statement number 2`,
    );
    const create = new iot.CreateKeysAndCertificateCommand({});
    await expect(named.things.send(create)).rejects.toMatchObject({
      message: expect.stringContaining('iot:CreateKeysAndCertificate on resource: * because'),
    });
    const { Arn } = await named.tokens.send(new sts.GetCallerIdentityCommand({}));
    expect(Arn).toBe(sessionArn);
    await named.things.send(new iot.ListThingsCommand({}));
    expect(aws.requests.latest.at(-1)?.reason).toBeUndefined();
  });

  it('needs iam:PassRole for the role of an alias', async () => {
    const create = new iot.CreateRoleAliasCommand({ roleAlias: 'other', roleArn });
    const alias = 'arn:aws:iot:eu-west-1:111122223333:rolealias/other';
    const pass = (service: string) =>
      allow('iam:PassRole', roleArn, { StringEquals: { 'iam:PassedToService': service } });
    put(allow('iot:CreateRoleAlias', alias));
    await expect(named.things.send(create)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(`perform: iam:PassRole on resource: ${roleArn} because`),
    });
    put(allow('iot:CreateRoleAlias', alias), pass('ec2.amazonaws.com'));
    expect(await isDenied(named.things.send(create))).toBe(true);
    put(allow('iot:CreateRoleAlias', alias), pass('credentials.iot.amazonaws.com'));
    await named.things.send(create);
    put(allow('iot:UpdateRoleAlias', alias));
    const shorter = { roleAlias: 'other', credentialDurationSeconds: 900 };
    await named.things.send(new iot.UpdateRoleAliasCommand(shorter));
  });
});

describe('managed policies', () => {
  const attach = (policyArn: string) => aws.iam.attachRolePolicy({ roleName, policyArn });
  const detach = (policyArn: string) => aws.iam.detachRolePolicy({ roleName, policyArn });

  it('of the account decide, too', async () => {
    put(allow('iot:*', '*'));
    const Statement = deny('iot:DescribeThing', thing('blue'));
    const { policyArn } = aws.iam.createPolicy({
      policyName: 'not-blue',
      path: '/team/',
      policyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
    });
    attach(policyArn);
    expect(await isDenied(describeThing('blue'))).toBe(true);
    const reason = `policy not-blue of role ${roleName} denies iot:DescribeThing`;
    expect(aws.requests.latest.at(-1)?.reason).toContain(reason);
    await describeThing('red');
    detach(policyArn);
    await describeThing('blue');
  });

  it.each([
    ['AdministratorAccess', { iot: true, iam: true }],
    ['AWSIoTFullAccess', { iot: true, iam: false }],
    ['IAMReadOnlyAccess', { iot: false, iam: true }],
    ['AmazonS3ReadOnlyAccess', { iot: false, iam: false }],
    ['job-function/AdministratorAccess', { iot: false, iam: false }],
  ])('of AWS: %s allows %j', async (name, expected) => {
    put(allow('s3:GetObject', '*'));
    attach(`arn:aws:iam::aws:policy/${name}`);
    const list = () => named.roles.send(new iam.ListRolesCommand({}));
    expect({
      iot: !(await isDenied(describeThing('red'))),
      iam: !(await isDenied(list())),
    }).toEqual(expected);
    detach(`arn:aws:iam::aws:policy/${name}`);
  });

  it('of AWS whose documents the emulator does not have grant nothing', async () => {
    put(allow('s3:GetObject', '*'));
    const arn = 'arn:aws:iam::aws:policy/service-role/AWSIoTThingsRegistration';
    attach(arn);
    expect(await isDenied(describeThing('red'))).toBe(true);
    expect(aws.requests.latest.at(-1)?.reason).toContain(`; the emulator does not have ${arn}`);
    detach(arn);
  });
});

describe('AssumeRole by a session of the same account', () => {
  const target = 'arn:aws:iam::111122223333:role/target';
  const trusting = (AWS: string) =>
    TRUST_POLICY.replace('Service', 'AWS').replace('credentials.iot.amazonaws.com', AWS);
  aws.iam.createRole({ roleName: 'target', assumeRolePolicyDocument: TRUST_POLICY });
  const assume = () =>
    named.tokens.send(new sts.AssumeRoleCommand({ RoleArn: target, RoleSessionName: 'mine' }));
  const other = allow('s3:GetObject', '*');
  const assumption = allow('sts:AssumeRole', target);
  const theirs = { StringEquals: { 'sts:RoleSessionName': 'theirs' } };

  it.each([
    ['the account', '111122223333', assumption, true],
    ['the account, without a policy', '111122223333', other, false],
    ['the root user', 'arn:aws:iam::111122223333:root', assumption, true],
    ['the role, without a policy', roleArn, other, true],
    ['the session, without a policy', sessionArn, other, true],
    ['the role, with a deny', roleArn, deny('sts:AssumeRole', '*'), false],
    ['another role', 'arn:aws:iam::111122223333:role/target', assumption, false],
    [
      'the account, for other session names',
      '111122223333',
      allow('sts:AssumeRole', target, theirs),
      false,
    ],
  ])('trusting %s', async (_name, principal, statement, isAllowed) => {
    put(statement);
    const policyDocument = trusting(principal);
    aws.iam.updateAssumeRolePolicy({ roleName: 'target', policyDocument });
    if (isAllowed) {
      expect((await assume()).AssumedRoleUser?.Arn).toMatch(/\/target\/mine$/);
      return;
    }
    const message = `User: ${sessionArn} is not authorized to perform: sts:AssumeRole on resource: ${target}`;
    await expect(assume()).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining(message),
    });
  });

  it('has no keys of the device in the next session', async () => {
    put(assumption);
    aws.iam.updateAssumeRolePolicy({ roleName: 'target', policyDocument: trusting(roleArn) });
    const Statement = [
      allow('iot:DescribeThing', thing('${credentials-iot:ThingName}')),
      allow('iot:ListThings', '*', { DateGreaterThan: { 'aws:TokenIssueTime': early } }),
    ];
    aws.iam.putRolePolicy({
      roleName: 'target',
      policyName: 'tried',
      policyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
    });
    const { Credentials } = await assume();
    const next = clientsOf(aws, {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken,
    });
    expect(await isDenied(describeThing('red', next))).toBe(true);
    await next.things.send(new iot.ListThingsCommand({}));
    next.close();
  });
});

describe('no policy is needed', () => {
  it('by the root user and the IAM user', async () => {
    for (const key of [aws.administrator, aws.user]) {
      const clients = clientsOf(aws, key);
      await describeThing('red', clients);
      await clients.roles.send(new iam.GetRoleCommand({ RoleName: roleName }));
      clients.close();
    }
  });
});
