import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { makeAuthority } from '../../support/authority.ts';
import { errorOf } from '../../support/errors.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { region, accountId } = emulator;
const sdk = openSdk(emulator);
const { things } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const authority = makeAuthority();
const certificate = authority.issue('/CN=device');
const roleArn = `arn:aws:iam::${accountId}:role/any`;
const policyDocument = allowAlias('*');
const attributePayload = { attributes: { colour: 'red' } };

/** Sends a command, whose type the clients check where it is made. */
const send = (command: unknown): Promise<Readonly<Record<string, unknown>>> =>
  things.send(command as never) as never;

interface Kind {
  readonly kind: string;
  readonly first: unknown;
  readonly again: unknown;
  /** The resource in the ARN. */
  readonly resource: string;
  /** The id, or the member of the first answer that has it. */
  readonly id: (first: Readonly<Record<string, unknown>>) => unknown;
  readonly message: string;
}

const KINDS: readonly Kind[] = [
  {
    kind: 'a thing with other attributes',
    first: new iot.CreateThingCommand({ thingName: 'thing-1' }),
    again: new iot.CreateThingCommand({ thingName: 'thing-1', attributePayload }),
    resource: 'thing/thing-1',
    id: ({ thingId }) => thingId,
    message: 'Thing thing-1 already exists in account with different attributes',
  },
  {
    kind: 'a thing type with another description',
    first: new iot.CreateThingTypeCommand({ thingTypeName: 'type-1' }),
    again: new iot.CreateThingTypeCommand({
      thingTypeName: 'type-1',
      thingTypeProperties: { thingTypeDescription: 'other' },
    }),
    resource: 'thingtype/type-1',
    id: ({ thingTypeId }) => thingTypeId,
    message: 'Thing Type type-1 already exists in current account with different properties',
  },
  {
    kind: 'a thing type with other searchable attributes',
    first: new iot.CreateThingTypeCommand({
      thingTypeName: 'type-2',
      thingTypeProperties: { searchableAttributes: ['a', 'b'] },
    }),
    again: new iot.CreateThingTypeCommand({
      thingTypeName: 'type-2',
      thingTypeProperties: { searchableAttributes: ['a', 'c'] },
    }),
    resource: 'thingtype/type-2',
    id: ({ thingTypeId }) => thingTypeId,
    message: 'Thing Type type-2 already exists in current account with different properties',
  },
  {
    kind: 'a thing group with another description',
    first: new iot.CreateThingGroupCommand({ thingGroupName: 'group-1' }),
    again: new iot.CreateThingGroupCommand({
      thingGroupName: 'group-1',
      thingGroupProperties: { thingGroupDescription: 'other' },
    }),
    resource: 'thinggroup/group-1',
    id: ({ thingGroupId }) => thingGroupId,
    message: 'Thing Group group-1 already exists in current account with different properties',
  },
  {
    kind: 'a policy',
    first: new iot.CreatePolicyCommand({ policyName: 'policy-1', policyDocument }),
    again: new iot.CreatePolicyCommand({ policyName: 'policy-1', policyDocument }),
    resource: 'policy/policy-1',
    id: () => 'policy-1',
    message: 'Policy cannot be created - name already exists (name=policy-1)',
  },
  {
    kind: 'a role alias',
    first: new iot.CreateRoleAliasCommand({ roleAlias: 'alias-1', roleArn }),
    again: new iot.CreateRoleAliasCommand({ roleAlias: 'alias-1', roleArn }),
    resource: 'rolealias/alias-1',
    id: () => 'alias-1',
    message: 'Role alias alias-1 already exists',
  },
  {
    kind: 'a certificate',
    first: new iot.RegisterCertificateWithoutCACommand({ certificatePem: certificate.pem }),
    again: new iot.RegisterCertificateWithoutCACommand({ certificatePem: certificate.pem }),
    resource: `cert/${certificate.id}`,
    id: () => certificate.id,
    message: 'The certificate is already provisioned or registered',
  },
  {
    kind: 'a CA certificate',
    first: new iot.RegisterCACertificateCommand({
      caCertificate: authority.pem,
      certificateMode: 'SNI_ONLY',
    }),
    again: new iot.RegisterCACertificateCommand({
      caCertificate: authority.pem,
      certificateMode: 'SNI_ONLY',
    }),
    resource: `cacert/${authority.id}`,
    id: () => authority.id,
    message: 'The CA certificate is already registered',
  },
];

describe('a resource that exists', () => {
  it.each(KINDS)('$kind is named by its ARN and id', async (row) => {
    const first = await send(row.first);
    await expect(send(row.again)).rejects.toMatchObject({
      name: 'ResourceAlreadyExistsException',
      message: row.message,
      resourceArn: `arn:aws:iot:${region}:${accountId}:${row.resource}`,
      resourceId: row.id(first),
      $metadata: { httpStatusCode: 409 },
    });
  });

  it('is the answer for the same properties', async () => {
    const properties = { thingTypeDescription: 'A type', searchableAttributes: ['x', 'y'] };
    const type = (searchableAttributes: string[]) =>
      new iot.CreateThingTypeCommand({
        thingTypeName: 'same',
        thingTypeProperties: { ...properties, searchableAttributes },
      });
    const { thingTypeId } = await things.send(type(['x', 'y']));
    expect(await things.send(type(['y', 'x']))).toMatchObject({ thingTypeId });
    expect(
      await things.send(new iot.DescribeThingTypeCommand({ thingTypeName: 'same' })),
    ).toMatchObject({ thingTypeProperties: properties });
  });

  it('is named in the library, too', async () => {
    const create = () => emulator.iot.createPolicy({ policyName: 'policy-2', policyDocument });
    create();
    expect((await errorOf(create)).details).toEqual({
      resourceArn: `arn:aws:iot:${region}:${accountId}:policy/policy-2`,
      resourceId: 'policy-2',
    });
  });
});
