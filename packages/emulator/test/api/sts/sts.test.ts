import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { TRUST_POLICY } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { accountId } = emulator;
const sdk = openSdk(emulator);
const { options, createRole } = sdk;
const root = sdk.tokens;
const user = new sts.STSClient({ ...options, credentials: emulator.user });
afterAll(async () => {
  sdk.close();
  user.destroy();
  await emulator.close();
});

const UNKNOWN = {
  name: 'InvalidClientTokenId',
  message: 'The security token included in the request is invalid.',
  $metadata: { httpStatusCode: 403 },
};
const KEY_FORMAT = {
  accessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
  secretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
};
const NO_ARNS = [
  'neither-an-arn-nor-anything',
  'arn:aws:iam::444455556666',
  'role/of-this-account-of-mine',
  'arn:aws:s3:::a-bucket-of-mine',
  'arn:aws:iam::444455556666:group/mine',
  'arn:aws:iam:us-east-1:444455556666:role/x/policy/y',
  'short',
];

describe('STS', () => {
  it('allows the user to assume a role that trusts the account', async () => {
    const trust = TRUST_POLICY.replace('Service', 'AWS').replace(
      'credentials.iot.amazonaws.com',
      `arn:aws:iam::${accountId}:root`,
    );
    await createRole('trusting', { AssumeRolePolicyDocument: trust });
    await createRole('other');
    const assume = (role: string, ExternalId?: string) =>
      user.send(
        new sts.AssumeRoleCommand({
          RoleArn: `arn:aws:iam::${accountId}:role/${role}`,
          RoleSessionName: 'me',
          ExternalId,
          DurationSeconds: 900,
        }),
      );
    await expect(assume('other')).rejects.toMatchObject({ name: 'AccessDenied' });
    const condition = '"Condition":{"StringEquals":{"sts:ExternalId":"shared"}},"Action"';
    await createRole('external', {
      AssumeRolePolicyDocument: trust.replace('"Action"', condition),
    });
    await expect(assume('external')).rejects.toMatchObject({ name: 'AccessDenied' });
    await assume('external', 'shared');
    const { Credentials } = await assume('trusting');
    expect(await whoIs(Credentials)).toBe(`arn:aws:sts::${accountId}:assumed-role/trusting/me`);
  });

  it('does not take a role for a deleted one of the same name', async () => {
    const trust = (...AWS: string[]) =>
      TRUST_POLICY.replace('Service', 'AWS').replace(
        '"credentials.iot.amazonaws.com"',
        JSON.stringify(AWS),
      );
    const arn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`;
    const session = `arn:aws:sts::${accountId}:assumed-role/assumer/me`;
    const byAccount = { AssumeRolePolicyDocument: trust(accountId) };
    await createRole('assumer', byAccount);
    const created = await sdk.roles.send(new iam.GetRoleCommand({ RoleName: 'assumer' }));
    const RoleId = created.Role?.RoleId ?? '';
    const byRole = trust(arn('assumer'), session, arn('unrelated'));
    await createRole('unrelated');
    await createRole('assumed', { AssumeRolePolicyDocument: byRole });
    const assumeBoth = async () => {
      const me = { RoleSessionName: 'me' };
      const first = { ...me, RoleArn: arn('assumer') };
      const { Credentials } = await user.send(new sts.AssumeRoleCommand(first));
      const second = new sts.AssumeRoleCommand({ ...me, RoleArn: arn('assumed') });
      await clientWith(Credentials).send(second);
    };
    await assumeBoth();
    await sdk.roles.send(new iam.DeleteRoleCommand({ RoleName: 'assumer' }));
    await createRole('assumer', byAccount);
    await expect(assumeBoth()).rejects.toMatchObject({ name: 'AccessDenied' });
    const { Role } = await sdk.roles.send(new iam.GetRoleCommand({ RoleName: 'assumed' }));
    const document = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
    expect(document).toBe(trust(RoleId, `${RoleId}:me`, arn('unrelated')));
    const update = (PolicyDocument: string) =>
      sdk.roles.send(
        new iam.UpdateAssumeRolePolicyCommand({ RoleName: 'assumed', PolicyDocument }),
      );
    await expect(update(document)).rejects.toMatchObject({
      name: 'MalformedPolicyDocumentException',
      message: `Invalid principal in policy: "AWS":"${RoleId}"`,
    });
    await update(byRole);
    await assumeBoth();
  });

  it('allows a role to assume another that trusts it, for an hour at most', async () => {
    const trust = (AWS: string) =>
      TRUST_POLICY.replace('Service', 'AWS').replace('credentials.iot.amazonaws.com', AWS);
    const firstArn = `arn:aws:iam::${accountId}:role/first/chain-one`;
    await createRole('chain-one', { Path: '/first/', AssumeRolePolicyDocument: trust(accountId) });
    const isFirst = `"Condition":{"ArnEquals":{"aws:PrincipalArn":"${firstArn}"}},"Action"`;
    await createRole('chain-two', {
      AssumeRolePolicyDocument: trust(firstArn).replace('"Action"', isFirst),
      MaxSessionDuration: 7200,
    });
    const RoleSessionName = 'chain';
    const { Credentials } = await user.send(
      new sts.AssumeRoleCommand({ RoleArn: firstArn, RoleSessionName }),
    );
    const assumeSecond = (client: sts.STSClient, DurationSeconds: number) => {
      const RoleArn = `arn:aws:iam::${accountId}:role/chain-two`;
      return client.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName, DurationSeconds }));
    };
    const first = clientWith(Credentials);
    await expect(assumeSecond(first, 3601)).rejects.toMatchObject({ name: 'ValidationError' });
    const second = await assumeSecond(first, 3600);
    first.destroy();
    expect(await whoIs(second.Credentials)).toMatch(/:assumed-role\/chain-two\/chain$/);
    await expect(assumeSecond(user, 3600)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it.each(NO_ARNS)('refuses to assume %j before anything else', async (RoleArn) => {
    const command = new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'me' });
    for (const client of [root, user]) {
      await expect(client.send(command)).rejects.toMatchObject({
        name: 'ValidationError',
        $metadata: { httpStatusCode: 400 },
      });
    }
  });

  it.each(NO_ARNS)('refuses to attach %j before it looks for the role', async (PolicyArn) => {
    await createRole('no-permissions', { AssumeRolePolicyDocument: trustIn(accountId) });
    const { Credentials } = await assume(user, 'no-permissions');
    const command = new iam.AttachRolePolicyCommand({ RoleName: 'no-such-role', PolicyArn });
    for (const credentials of [options.credentials, keyOf(Credentials)]) {
      const client = new iam.IAMClient({ ...options, credentials });
      await expect(client.send(command)).rejects.toMatchObject({
        name: 'ValidationError',
        $metadata: { httpStatusCode: 400 },
      });
      client.destroy();
    }
    await sdk.roles.send(new iam.DeleteRoleCommand({ RoleName: 'no-permissions' }));
  });

  it('refuses a session of a role that was deleted, also if another has its name', async () => {
    const make = () => createRole('again', { AssumeRolePolicyDocument: trustIn(accountId) });
    const session = async () => clientWith((await assume(user, 'again')).Credentials);
    const identify = new sts.GetCallerIdentityCommand({});
    await make();
    const first = await session();
    const before = await first.send(identify);
    await sdk.roles.send(new iam.DeleteRoleCommand({ RoleName: 'again' }));
    await expect(first.send(identify)).rejects.toMatchObject(UNKNOWN);
    await make();
    await expect(first.send(identify)).rejects.toMatchObject(UNKNOWN);
    const second = await session();
    const { UserId } = await second.send(identify);
    expect(UserId).toMatch(/^AROA[A-Z2-7]{17}:me$/);
    expect(UserId).not.toBe(before.UserId);
    for (const client of [first, second]) client.destroy();
  });

  it('refuses a long-term key with a session token', async () => {
    const { Credentials } = await user.send(new sts.GetSessionTokenCommand({}));
    for (const sessionToken of [Credentials?.SessionToken ?? '', 'garbage']) {
      const credentials = { ...options.credentials, sessionToken };
      const client = new sts.STSClient({ ...options, credentials });
      await expect(client.send(new sts.GetCallerIdentityCommand({}))).rejects.toMatchObject(
        UNKNOWN,
      );
      const things = new iot.IoTClient({ ...options, credentials });
      await expect(things.send(new iot.ListThingsCommand({}))).rejects.toMatchObject({
        name: 'UnrecognizedClientException',
        $metadata: { httpStatusCode: 403 },
      });
      for (const one of [client, things]) one.destroy();
    }
  });

  const trustIn = (AWS: string) =>
    TRUST_POLICY.replace('Service', 'AWS').replace('credentials.iot.amazonaws.com', AWS);

  const assume = (client: sts.STSClient, role: string) =>
    client.send(
      new sts.AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${accountId}:role/${role}`,
        RoleSessionName: 'me',
      }),
    );

  function keyOf(given: sts.Credentials | undefined) {
    return {
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
    };
  }

  function clientWith(given: sts.Credentials | undefined): sts.STSClient {
    return new sts.STSClient({ ...options, credentials: keyOf(given) });
  }

  async function whoIs(given: sts.Credentials | undefined) {
    const client = clientWith(given);
    const { Arn } = await client.send(new sts.GetCallerIdentityCommand({}));
    client.destroy();
    return Arn;
  }

  describe.each([
    ['the root user', root, 3600, 3600, 'Roles may not be assumed by root accounts.'],
    ['the IAM user', user, 43_200, 129_600, undefined],
  ] as const)('gives %s', (_name, client, usual, most, refusal) => {
    const begin = (DurationSeconds?: number) =>
      client.send(new sts.GetSessionTokenCommand({ DurationSeconds }));

    it.each([
      ['a session', undefined, usual],
      ['a shorter session', 900, 900],
      ['the longest session', 129_600, most],
    ])('%s', async (_which, DurationSeconds, seconds) => {
      const { Credentials } = await begin(DurationSeconds);
      const lastsMs = Number(Credentials?.Expiration) - Date.now();
      expect(lastsMs).toBeGreaterThan((seconds - 30) * 1000);
      expect(lastsMs).toBeLessThanOrEqual(seconds * 1000);
      expect(keyOf(Credentials)).toMatchObject(KEY_FORMAT);
    });

    it('no session of more than 36 hours', async () => {
      await expect(begin(129_601)).rejects.toMatchObject({ name: 'ValidationError' });
    });

    it('a session for AWS IoT, AssumeRole and GetCallerIdentity', async () => {
      const { Credentials } = await begin();
      const credentials = keyOf(Credentials);
      const tokens = clientWith(Credentials);
      const identify = new sts.GetCallerIdentityCommand({});
      const { $metadata: _, ...mine } = await client.send(identify);
      expect(await tokens.send(identify)).toMatchObject(mine);
      const things = new iot.IoTClient({ ...options, credentials });
      await things.send(new iot.ListThingsCommand({}));
      await expect(tokens.send(new sts.GetSessionTokenCommand({}))).rejects.toMatchObject({
        name: 'AccessDenied',
        message: 'Cannot call GetSessionToken with session credentials',
      });
      const roles = new iam.IAMClient({ ...options, credentials });
      await expect(roles.send(new iam.ListRolesCommand({}))).rejects.toMatchObject(UNKNOWN);
      for (const one of [tokens, things, roles]) one.destroy();
    });

    it('what it may assume', async () => {
      const RoleName = `of-${usual}`;
      await createRole(RoleName, { AssumeRolePolicyDocument: trustIn(accountId) });
      const session = clientWith((await begin()).Credentials);
      for (const one of [client, session]) {
        const assumed = assume(one, RoleName);
        if (refusal === undefined) expect((await assumed).Credentials).toBeDefined();
        else
          await expect(assumed).rejects.toMatchObject({ name: 'AccessDenied', message: refusal });
      }
      session.destroy();
    });
  });

  it('knows the root user and the IAM user', async () => {
    const identify = new sts.GetCallerIdentityCommand({});
    expect(await root.send(identify)).toMatchObject({
      Arn: `arn:aws:iam::${accountId}:root`,
      UserId: accountId,
    });
    const { userArn, userId } = emulator.user;
    expect(await user.send(identify)).toMatchObject({ Arn: userArn, UserId: userId });
    expect(userArn).toBe(`arn:aws:iam::${accountId}:user/developer`);
    expect(userId).toMatch(/^AIDA[A-Z2-7]{17}$/);
    for (const { accessKeyId, secretAccessKey } of [emulator.administrator, emulator.user]) {
      expect(accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
      expect(secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    }
  });
});
