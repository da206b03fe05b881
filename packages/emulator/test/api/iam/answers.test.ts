import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as iam from '@aws-sdk/client-iam';
import * as sts from '@aws-sdk/client-sts';
import { afterAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias, TRUST_POLICY, whoIsThing } from '../../support/session.ts';

const clock = { offsetMs: 0, now: () => Date.now() + clock.offsetMs };
const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666', clock });
const sdk = openSdk(emulator);
const { roles, createRole } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const Tags = [
  { Key: 'Team', Value: 'blue' },
  { Key: 'empty', Value: '' },
];
const role = async (RoleName: string) =>
  (await roles.send(new iam.GetRoleCommand({ RoleName }))).Role;
const some = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ Key: `key${index}`, Value: 'x' }));

/** The names of the members that have a value. */
const members = (value: object | undefined) =>
  Object.entries(value ?? {})
    .filter(([, one]) => one !== undefined)
    .map(([name]) => name)
    .sort();

// As in LocalStack's recordings of AWS (tests/aws/services/iam/test_iam.snapshot.json).
describe('the answers of IAM', () => {
  const created = ['Arn', 'AssumeRolePolicyDocument', 'CreateDate', 'Path', 'RoleId', 'RoleName'];

  it('describe a role with the members that those of AWS have', async () => {
    const { Role } = await roles.send(
      new iam.CreateRoleCommand({ RoleName: 'plain', AssumeRolePolicyDocument: TRUST_POLICY }),
    );
    expect(members(Role)).toEqual(created);
    const got = await role('plain');
    expect(members(got)).toEqual([...created, 'MaxSessionDuration', 'RoleLastUsed'].sort());
    expect(got?.RoleLastUsed).toEqual({});
    const { Roles } = await roles.send(new iam.ListRolesCommand({}));
    expect(members(Roles?.[0])).toEqual([...created, 'MaxSessionDuration'].sort());
  });

  it('describe a role with tags and a description', async () => {
    const { Role } = await roles.send(
      new iam.CreateRoleCommand({
        RoleName: 'tagged',
        AssumeRolePolicyDocument: TRUST_POLICY,
        Description: 'described',
        MaxSessionDuration: 7200,
        Path: '/tagged/',
        Tags,
      }),
    );
    expect(members(Role)).toEqual([...created, 'Description', 'Tags'].sort());
    expect(Role?.Tags).toEqual(Tags);
    expect(await role('tagged')).toMatchObject({ Tags, MaxSessionDuration: 7200 });
    const { Roles } = await roles.send(new iam.ListRolesCommand({ PathPrefix: '/tagged/' }));
    expect(members(Roles?.[0])).toEqual([...created, 'Description', 'MaxSessionDuration'].sort());
  });

  it('describe a managed policy with the members that those of AWS have', async () => {
    const { Policy } = await roles.send(
      new iam.CreatePolicyCommand({ PolicyName: 'plain', PolicyDocument: allowAlias('*') }),
    );
    const all = [
      ...['Arn', 'AttachmentCount', 'CreateDate', 'DefaultVersionId', 'IsAttachable', 'Path'],
      ...['PermissionsBoundaryUsageCount', 'PolicyId', 'PolicyName', 'UpdateDate'],
    ];
    expect(members(Policy)).toEqual(all);
    const got = await roles.send(new iam.GetPolicyCommand({ PolicyArn: Policy?.Arn }));
    expect(got.Policy).toMatchObject({
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      DefaultVersionId: 'v1',
    });
  });
});

describe('the last use of a role', () => {
  it('is when the credential provider or AssumeRole last issued its credentials', async () => {
    await emulator.seed({ thingName: 'other', roleAlias: 'unused', keyType: 'EC-P256' });
    const trust = JSON.parse(TRUST_POLICY) as { Statement: object };
    const both = {
      ...trust,
      Statement: [
        trust.Statement,
        { Effect: 'Allow', Principal: { AWS: emulator.accountId }, Action: 'sts:AssumeRole' },
      ],
    };
    const seeded = await emulator.seed({
      thingName: 'thing',
      roleAlias: 'used',
      keyType: 'EC-P256',
    });
    const { roleName, roleArn: RoleArn } = seeded;
    emulator.iam.updateAssumeRolePolicy({ roleName, policyDocument: JSON.stringify(both) });
    expect((await role(roleName))?.RoleLastUsed).toEqual({});
    const lastUse = async (name = roleName) => {
      const { LastUsedDate, Region } = (await role(name))?.RoleLastUsed ?? {};
      return { ms: LastUsedDate?.getTime() ?? 0, Region };
    };
    const isNow = async () => {
      const { ms, Region } = await lastUse();
      expect(Region).toBe('ap-south-1');
      expect(Math.abs(ms - clock.now())).toBeLessThan(10_000);
    };
    await whoIsThing(emulator, {
      ...{ thingName: 'thing', roleAlias: 'used', endpoint: emulator.credentialsEndpoint },
      ...{ certificate: seeded.certificatePem, privateKey: seeded.privateKeyPem },
    });
    await isNow();
    // Within the time in which the use is not stored again, and after it.
    for (const offsetMs of [20_000, 120_000]) {
      clock.offsetMs = offsetMs;
      const credentials = emulator.user;
      const tokens = new sts.STSClient({
        ...sdk.options,
        credentials,
        systemClockOffset: offsetMs,
      });
      await tokens.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'session' }));
      tokens.destroy();
      await isNow();
    }
    clock.offsetMs = 0;
    expect((await role('unused-role'))?.RoleLastUsed).toEqual({});
  });

  it('is kept across a restart, and not by a new role of that name', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'last-use-'));
    const use = async (aws: Emulator) => {
      const seeded = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
      await whoIsThing(aws, {
        ...{ thingName: 'thing', roleAlias: 'alias', endpoint: aws.credentialsEndpoint },
        ...{ certificate: seeded.certificatePem, privateKey: seeded.privateKeyPem },
      });
      return aws.iam.getRole({ roleName: seeded.roleName }).lastUsedMs;
    };
    const first = await startEmulator({ dir });
    const lastUsedMs = await use(first).finally(() => first.close());
    expect(lastUsedMs).toBeTypeOf('number');
    const second = await startEmulator({ dir });
    try {
      const roleName = 'alias-role';
      expect(second.iam.getRole({ roleName }).lastUsedMs).toBe(lastUsedMs);
      second.iam.deleteRole({ roleName });
      second.iam.createRole({ roleName, assumeRolePolicyDocument: TRUST_POLICY });
      expect(second.iam.getRole({ roleName }).lastUsedMs).toBeUndefined();
    } finally {
      await second.close();
      rmSync(dir, { recursive: true });
    }
  });
});

await createRole('target');
const { policyArn: PolicyArn } = emulator.iam.createPolicy({
  policyName: 'target',
  policyDocument: allowAlias('*'),
});

interface Tagged {
  readonly kind: string;
  readonly add: (tags: iam.Tag[]) => Promise<unknown>;
  readonly remove: (TagKeys: string[]) => Promise<unknown>;
  readonly list: (
    Marker?: string,
    MaxItems?: number,
  ) => Promise<{ Tags?: iam.Tag[] | undefined; Marker?: string | undefined }>;
  readonly create: (tags: iam.Tag[]) => Promise<unknown>;
}

const TAGGED: readonly Tagged[] = [
  {
    kind: 'a role',
    add: (tags) => roles.send(new iam.TagRoleCommand({ RoleName: 'target', Tags: tags })),
    remove: (TagKeys) => roles.send(new iam.UntagRoleCommand({ RoleName: 'target', TagKeys })),
    list: (Marker, MaxItems) =>
      roles.send(new iam.ListRoleTagsCommand({ RoleName: 'target', Marker, MaxItems })),
    create: (tags) => createRole('created', { Tags: tags }),
  },
  {
    kind: 'a managed policy',
    add: (tags) => roles.send(new iam.TagPolicyCommand({ PolicyArn, Tags: tags })),
    remove: (TagKeys) => roles.send(new iam.UntagPolicyCommand({ PolicyArn, TagKeys })),
    list: (Marker, MaxItems) =>
      roles.send(new iam.ListPolicyTagsCommand({ PolicyArn, Marker, MaxItems })),
    create: (tags) =>
      roles.send(
        new iam.CreatePolicyCommand({
          PolicyName: 'created',
          PolicyDocument: allowAlias('*'),
          Tags: tags,
        }),
      ),
  },
];

describe.each(TAGGED)('the tags of $kind', ({ add, remove, list, create }) => {
  it('are kept, changed and removed, in any case of their keys', async () => {
    expect((await list()).Tags).toEqual([]);
    await add(Tags);
    await add([
      { Key: 'TEAM', Value: 'red' },
      { Key: 'a b', Value: 'a=+-@:/._é' },
    ]);
    const all = [
      { Key: 'TEAM', Value: 'red' },
      { Key: 'a b', Value: 'a=+-@:/._é' },
      { Key: 'empty', Value: '' },
    ];
    expect((await list()).Tags).toEqual(all);
    const { Tags: first, Marker } = await list(undefined, 2);
    expect(first).toEqual(all.slice(0, 2));
    expect((await list(Marker, 2)).Tags).toEqual(all.slice(2));
    await remove(['team', 'A B', 'none']);
    expect((await list()).Tags).toEqual([all[2]]);
    await remove(['empty']);
  });

  it.each([
    ['an empty key', [{ Key: '', Value: 'x' }], 'ValidationError'],
    ['a key of 129 characters', [{ Key: 'k'.repeat(129), Value: 'x' }], 'ValidationError'],
    ['a value of 257 characters', [{ Key: 'k', Value: 'x'.repeat(257) }], 'ValidationError'],
    ['a key with another character', [{ Key: 'k*', Value: 'x' }], 'ValidationError'],
    ['51 tags', some(51), 'ValidationError'],
    ['a reserved key', [{ Key: 'aws:team', Value: 'x' }], 'InvalidInput'],
    [
      'equal keys',
      [
        { Key: 'k', Value: 'x' },
        { Key: 'K', Value: 'y' },
      ],
      'InvalidInput',
    ],
  ])('are refused: %s', async (_name, tags, code) => {
    for (const act of [add, create]) {
      await expect(act(tags)).rejects.toMatchObject({
        Code: code,
        $metadata: { httpStatusCode: 400 },
      });
    }
    expect((await list()).Tags).toEqual([]);
  });

  it('are at most fifty', async () => {
    await add(some(50));
    await expect(add([{ Key: 'more', Value: 'x' }])).rejects.toMatchObject({
      Code: 'LimitExceeded',
      $metadata: { httpStatusCode: 409 },
    });
    expect((await list()).Tags).toHaveLength(50);
  });
});
