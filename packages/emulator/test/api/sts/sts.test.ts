import * as sts from '@aws-sdk/client-sts';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { TRUST_POLICY } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { accountId } = emulator;
const sdk = openSdk(emulator);
const { tokens, options, createRole } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('STS', () => {
  it('allows the administrator to assume a role that trusts the account', async () => {
    const trust = TRUST_POLICY.replace('Service', 'AWS').replace(
      'credentials.iot.amazonaws.com',
      `arn:aws:iam::${accountId}:root`,
    );
    await createRole('trusting', { AssumeRolePolicyDocument: trust });
    await createRole('other');
    const assume = (role: string, ExternalId?: string) =>
      tokens.send(
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
    const session = await tokens.send(new sts.GetSessionTokenCommand({ DurationSeconds: 900 }));
    expect(await whoIs(session.Credentials)).toBe(`arn:aws:iam::${accountId}:root`);
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
    const { Credentials } = await tokens.send(
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
    await expect(assumeSecond(tokens, 3600)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  function clientWith(given: sts.Credentials | undefined): sts.STSClient {
    return new sts.STSClient({
      ...options,
      credentials: {
        accessKeyId: given?.AccessKeyId ?? '',
        secretAccessKey: given?.SecretAccessKey ?? '',
        sessionToken: given?.SessionToken ?? '',
      },
    });
  }

  async function whoIs(given: sts.Credentials | undefined) {
    const client = clientWith(given);
    const { Arn } = await client.send(new sts.GetCallerIdentityCommand({}));
    client.destroy();
    return Arn;
  }
});
