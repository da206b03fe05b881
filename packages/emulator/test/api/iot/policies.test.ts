import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('policies', () => {
  it('have five versions at most, and cannot be deleted while they are attached', async () => {
    const policyName = 'versions';
    const policyDocument = allowAlias('*');
    await things.send(new iot.CreatePolicyCommand({ policyName: 'older', policyDocument }));
    await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
    const add = () =>
      things.send(new iot.CreatePolicyVersionCommand({ policyName, policyDocument }));
    for (let count = 2; count <= 5; count++) await add();
    await expect(add()).rejects.toBeInstanceOf(iot.VersionsLimitExceededException);
    await expect(things.send(new iot.DeletePolicyCommand({ policyName }))).rejects.toBeInstanceOf(
      iot.DeleteConflictException,
    );
    const listed = await things.send(new iot.ListPoliciesCommand({ pageSize: 1 }));
    expect(listed.policies?.map((policy) => policy.policyName)).toEqual([policyName]);
    expect(listed.nextMarker).toBeDefined();
    expect(
      await things.send(new iot.GetPolicyVersionCommand({ policyName, policyVersionId: '5' })),
    ).toMatchObject({ policyName, policyDocument, policyVersionId: '5', isDefaultVersion: false });
    expect(await things.send(new iot.GetPolicyCommand({ policyName }))).toMatchObject({
      defaultVersionId: '1',
      policyDocument,
    });
    await expect(
      things.send(new iot.CreatePolicyCommand({ policyName: 'bad', policyDocument: '{}' })),
    ).rejects.toBeInstanceOf(iot.MalformedPolicyException);
  });
});
