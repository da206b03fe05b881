import * as iam from '@aws-sdk/client-iam';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';
import { allowAlias, TRUST_POLICY } from '../../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { accountId } = emulator;
const sdk = openSdk(emulator);
const { roles, createRole } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('IAM', () => {
  it('has its own error names', async () => {
    await createRole('one', { MaxSessionDuration: 3600, Description: 'a & b <c>' });
    const { Role } = await roles.send(new iam.GetRoleCommand({ RoleName: 'one' }));
    expect(Role).toMatchObject({ Description: 'a & b <c>', MaxSessionDuration: 3600 });
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toBe(TRUST_POLICY);
    await expect(createRole('one')).rejects.toBeInstanceOf(iam.EntityAlreadyExistsException);
    await expect(createRole('two', { AssumeRolePolicyDocument: '{' })).rejects.toBeInstanceOf(
      iam.MalformedPolicyDocumentException,
    );
    await expect(createRole('two', { MaxSessionDuration: 60 })).rejects.toMatchObject({
      name: 'ValidationError',
    });
    const policy = { RoleName: 'one', PolicyName: 'inline', PolicyDocument: allowAlias('*') };
    const inline = async () =>
      (await roles.send(new iam.ListRolePoliciesCommand({ RoleName: 'one' }))).PolicyNames;
    expect(await inline()).toEqual([]);
    await roles.send(new iam.PutRolePolicyCommand(policy));
    expect(await inline()).toEqual(['inline']);
    const { PolicyDocument } = await roles.send(new iam.GetRolePolicyCommand(policy));
    expect(decodeURIComponent(PolicyDocument ?? '')).toBe(policy.PolicyDocument);
    const remove = () => roles.send(new iam.DeleteRoleCommand({ RoleName: 'one' }));
    await expect(remove()).rejects.toBeInstanceOf(iam.DeleteConflictException);
    await roles.send(new iam.DeleteRolePolicyCommand(policy));
    await remove();
    await expect(remove()).rejects.toBeInstanceOf(iam.NoSuchEntityException);
  });

  it('attaches managed policies to roles', async () => {
    const send = roles.send.bind(roles) as typeof roles.send;
    const RoleName = 'managed-role';
    await createRole(RoleName);
    const described = { PolicyName: 'managed', Path: '/team/', Description: 'a & b' };
    const create = () =>
      send(new iam.CreatePolicyCommand({ ...described, PolicyDocument: allowAlias('*') }));
    const { Policy } = await create();
    const PolicyArn = `arn:aws:iam::${accountId}:policy/team/managed`;
    expect(Policy).toMatchObject({ ...described, Arn: PolicyArn, AttachmentCount: 0 });
    await expect(create()).rejects.toBeInstanceOf(iam.EntityAlreadyExistsException);
    await expect(
      send(new iam.CreatePolicyCommand({ PolicyName: 'bad', PolicyDocument: '{' })),
    ).rejects.toBeInstanceOf(iam.MalformedPolicyDocumentException);
    const byAws = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
    const none = PolicyArn.replace('managed', 'none');
    for (const arn of [PolicyArn, PolicyArn, byAws]) {
      await send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn: arn }));
    }
    await expect(
      send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn: none })),
    ).rejects.toBeInstanceOf(iam.NoSuchEntityException);
    const attached = async (PathPrefix?: string) =>
      (await send(new iam.ListAttachedRolePoliciesCommand({ RoleName, PathPrefix })))
        .AttachedPolicies;
    expect(await attached()).toEqual([
      { PolicyName: 'managed', PolicyArn },
      { PolicyName: 'AmazonS3ReadOnlyAccess', PolicyArn: byAws },
    ]);
    expect(await attached('/team/')).toEqual([{ PolicyName: 'managed', PolicyArn }]);
    const got = await send(new iam.GetPolicyCommand({ PolicyArn }));
    expect(got.Policy).toMatchObject({ AttachmentCount: 1, IsAttachable: true });
    const remove = () => send(new iam.DeletePolicyCommand({ PolicyArn }));
    const removeRole = () => send(new iam.DeleteRoleCommand({ RoleName }));
    await expect(remove()).rejects.toBeInstanceOf(iam.DeleteConflictException);
    await expect(removeRole()).rejects.toBeInstanceOf(iam.DeleteConflictException);
    for (const arn of [PolicyArn, byAws]) {
      await send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn: arn }));
    }
    await expect(
      send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn })),
    ).rejects.toBeInstanceOf(iam.NoSuchEntityException);
    await remove();
    await expect(remove()).rejects.toBeInstanceOf(iam.NoSuchEntityException);
    await removeRole();
  });

  it('lists roles page by page, and by path', async () => {
    await createRole('elsewhere');
    for (const name of ['page-a', 'page-b']) await createRole(name, { Path: '/page/' });
    const seen: (string | undefined)[] = [];
    for await (const { Roles } of iam.paginateListRoles({ client: roles, pageSize: 1 }, {})) {
      expect(Roles?.length).toBeLessThanOrEqual(1);
      seen.push(...(Roles ?? []).map(({ RoleName }) => RoleName));
    }
    expect(seen).toEqual(expect.arrayContaining(['page-a', 'page-b', 'elsewhere']));
    const { Roles } = await roles.send(new iam.ListRolesCommand({ PathPrefix: '/page/' }));
    expect(Roles?.map(({ Arn }) => Arn)).toEqual([
      `arn:aws:iam::${accountId}:role/page/page-a`,
      `arn:aws:iam::${accountId}:role/page/page-b`,
    ]);
  });
});
