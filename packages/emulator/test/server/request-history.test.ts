import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { accountId, administrator } = emulator;
const sdk = openSdk(emulator);
const { things, roles, tokens, options } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('the record of requests', () => {
  const last = () => emulator.requests.latest.at(-1);

  it('has the operation and its caller', async () => {
    const root = `arn:aws:iam::${accountId}:root`;
    await things.send(new iot.ListThingsCommand({}));
    expect(last()).toMatchObject({ operation: 'iot:ListThings', callerArn: root, status: 200 });
    await tokens.send(new sts.GetCallerIdentityCommand({}));
    expect(last()).toMatchObject({
      operation: 'sts:GetCallerIdentity',
      callerArn: root,
      path: '/',
    });
    await expect(roles.send(new iam.GetRoleCommand({ RoleName: 'nobody' }))).rejects.toBeInstanceOf(
      iam.NoSuchEntityException,
    );
    expect(last()).toMatchObject({ operation: 'iam:GetRole', status: 404 });
  });

  it('has no caller for an invalid signature', async () => {
    const credentials = { ...administrator, secretAccessKey: 'wrong' };
    const client = new sts.STSClient({ ...options, credentials });
    await expect(client.send(new sts.GetCallerIdentityCommand({}))).rejects.toThrow();
    client.destroy();
    expect(last()).toMatchObject({ operation: 'sts:GetCallerIdentity', status: 403 });
    expect(last()).not.toHaveProperty('callerArn');
    expect(JSON.stringify(emulator.requests)).not.toContain(administrator.secretAccessKey);
  });
});
