import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { sendRaw, signRaw } from '../support/raw-api.ts';
import { openSdk } from '../support/sdk.ts';
import { allowAlias, whoIsThing } from '../support/session.ts';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

const dir = mkdtempSync(join(tmpdir(), 'emulator-names-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('names of the members of every object are ordinary names', async () => {
  let emulator = await startEmulator({ dir });
  let sdk = openSdk(emulator);
  const made = await sdk.createCertificate();
  afterAll(async () => {
    sdk.close();
    await emulator.close();
  });

  it('nothing has such a name from the beginning', async () => {
    for (const name of NAMES) {
      await expect(
        sdk.things.send(new iot.DescribeThingCommand({ thingName: name })),
      ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
      await expect(
        sdk.roles.send(new iam.GetRoleCommand({ RoleName: name })),
      ).rejects.toBeInstanceOf(iam.NoSuchEntityException);
      await expect(
        sdk.things.send(new iot.DescribeEndpointCommand({ endpointType: name })),
      ).rejects.toBeInstanceOf(iot.InvalidRequestException);
      const unknown = { method: 'GET', path: `/?Action=${name}&Version=2010-05-08` };
      const { status, body } = await sendRaw(
        emulator,
        await signRaw(emulator, unknown, { service: 'iam' }),
      );
      expect([status, body]).toEqual([400, expect.stringContaining('<Code>InvalidAction</Code>')]);
    }
  });

  it.each(NAMES)('%s names a device with all that it needs', async (name) => {
    const { things, roles, createRole } = sdk;
    await things.send(new iot.CreateThingTypeCommand({ thingTypeName: name }));
    await things.send(new iot.CreateThingGroupCommand({ thingGroupName: name }));
    await things.send(new iot.CreateThingCommand({ thingName: name, thingTypeName: name }));
    await things.send(
      new iot.AddThingToThingGroupCommand({ thingName: name, thingGroupName: name }),
    );
    await createRole(name, { Tags: [{ Key: name, Value: 'tag' }] });
    const PolicyDocument = allowAlias('*');
    const inline = { RoleName: name, PolicyName: name };
    await roles.send(new iam.PutRolePolicyCommand({ ...inline, PolicyDocument }));
    const roleArn = `arn:aws:iam::${emulator.accountId}:role/${name}`;
    const { roleAliasArn = '' } = await things.send(
      new iot.CreateRoleAliasCommand({ roleAlias: name, roleArn }),
    );
    const policyDocument = allowAlias(roleAliasArn);
    await things.send(new iot.CreatePolicyCommand({ policyName: name, policyDocument }));
    const { certificateArn: principal, certificatePem: certificate, privateKey } = made;
    await things.send(new iot.AttachThingPrincipalCommand({ thingName: name, principal }));
    await things.send(new iot.AttachPolicyCommand({ policyName: name, target: principal }));
    const endpoint = emulator.credentialsEndpoint;
    const device = { thingName: name, roleAlias: name, certificate, privateKey, endpoint };
    expect(await whoIsThing(emulator, device)).toContain(`:assumed-role/${name}/`);
  });

  it('attributes of a thing have such names, also after a restart', async () => {
    const attributes = Object.fromEntries(NAMES.slice(0, 3).map((name) => [name, `is-${name}`]));
    const create = { method: 'POST', path: '/things/with-attributes' };
    const body = JSON.stringify({ attributePayload: { attributes } });
    const { status } = await sendRaw(emulator, await signRaw(emulator, { ...create, body }));
    expect(status).toBe(200);
    sdk.close();
    await emulator.close();
    emulator = await startEmulator({ dir });
    sdk = openSdk(emulator);
    const read = await sendRaw(emulator, await signRaw(emulator, { ...create, method: 'GET' }));
    expect(Object.entries(JSON.parse(read.body).attributes)).toEqual(Object.entries(attributes));
    for (const [attributeName, attributeValue] of Object.entries(attributes)) {
      const command = new iot.ListThingsCommand({ attributeName, attributeValue });
      const { things = [] } = await sdk.things.send(command);
      expect(things.map(({ thingName }) => thingName)).toEqual(['with-attributes']);
    }
  });

  it.each(NAMES)('%s is still there after a restart, and can be removed', async (name) => {
    const { things, roles } = sdk;
    const described = await things.send(new iot.DescribeThingCommand({ thingName: name }));
    expect(described).toMatchObject({ thingName: name, thingTypeName: name });
    const inline = { RoleName: name, PolicyName: name };
    const { PolicyDocument } = await roles.send(new iam.GetRolePolicyCommand(inline));
    expect(decodeURIComponent(PolicyDocument ?? '')).toBe(allowAlias('*'));
    const { Role } = await roles.send(new iam.GetRoleCommand({ RoleName: name }));
    expect(Role?.Tags).toEqual([{ Key: name, Value: 'tag' }]);
    await roles.send(new iam.DeleteRolePolicyCommand(inline));
    await roles.send(new iam.DeleteRoleCommand({ RoleName: name }));
    await things.send(new iot.DeleteThingGroupCommand({ thingGroupName: name }));
    const { thingGroups } = await things.send(
      new iot.ListThingGroupsForThingCommand({ thingName: name }),
    );
    expect(thingGroups).toEqual([]);
    await things.send(new iot.DeleteRoleAliasCommand({ roleAlias: name }));
    await expect(
      things.send(new iot.DescribeRoleAliasCommand({ roleAlias: name })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
  });
});
