import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { accountId } = emulator;
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('role aliases and endpoints', () => {
  it.each([
    'neither-an-arn-nor-anything',
    'arn:aws:s3:::a-bucket-of-mine',
    'arn:aws:iam::444455556666:user/developer',
    'arn:aws-cn:iam::444455556666:role/any',
  ])('refuse the role %s', async (roleArn) => {
    const refused = { name: 'InvalidRequestException', $metadata: { httpStatusCode: 400 } };
    const create = new iot.CreateRoleAliasCommand({ roleAlias: 'refused', roleArn });
    await expect(things.send(create)).rejects.toMatchObject(refused);
    await emulator.iot.createRoleAlias({
      roleAlias: 'refused',
      roleArn: `arn:aws:iam::${accountId}:role/path/any`,
    });
    const update = new iot.UpdateRoleAliasCommand({ roleAlias: 'refused', roleArn });
    await expect(things.send(update)).rejects.toMatchObject(refused);
    emulator.iot.deleteRoleAlias({ roleAlias: 'refused' });
  });

  it('are described, changed and deleted', async () => {
    const roleAlias = 'changing';
    const roleArn = `arn:aws:iam::${accountId}:role/any`;
    await things.send(new iot.CreateRoleAliasCommand({ roleAlias, roleArn }));
    await things.send(
      new iot.UpdateRoleAliasCommand({ roleAlias, credentialDurationSeconds: 900 }),
    );
    const { roleAliasDescription } = await things.send(
      new iot.DescribeRoleAliasCommand({ roleAlias }),
    );
    expect(roleAliasDescription).toMatchObject({ roleArn, credentialDurationSeconds: 900 });
    expect(roleAliasDescription?.creationDate?.getTime()).toBeCloseTo(Date.now(), -5);
    expect((await things.send(new iot.ListRoleAliasesCommand({}))).roleAliases).toContain(
      roleAlias,
    );
    await things.send(new iot.DeleteRoleAliasCommand({ roleAlias }));
    await expect(things.send(new iot.DeleteRoleAliasCommand({ roleAlias }))).rejects.toBeInstanceOf(
      iot.ResourceNotFoundException,
    );
    const endpoint = async (endpointType?: string) =>
      (await things.send(new iot.DescribeEndpointCommand({ endpointType }))).endpointAddress;
    expect(await endpoint('iot:CredentialProvider')).toBe(emulator.credentialsEndpoint);
    expect(await endpoint('iot:Data-ATS')).toMatch(/-ats\.iot\.ap-south-1\.amazonaws\.com$/);
    await expect(endpoint('iot:Nothing')).rejects.toBeInstanceOf(iot.InvalidRequestException);
  });
});
