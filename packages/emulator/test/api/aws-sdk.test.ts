import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import { createSession } from 'awsiot-credentialhelper';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { allowAlias, TRUST_POLICY, whoIsThing } from '../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { region, administrator, accountId } = emulator;
const options = {
  endpoint: emulator.apiEndpoint,
  region,
  maxAttempts: 1,
  credentials: administrator,
};
const things = new iot.IoTClient(options);
const roles = new iam.IAMClient(options);
const tokens = new sts.STSClient(options);
afterAll(async () => {
  for (const client of [things, roles, tokens]) client.destroy();
  await emulator.close();
});

const createRole = (RoleName: string, more: Partial<iam.CreateRoleCommandInput> = {}) =>
  roles.send(
    new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: TRUST_POLICY, ...more }),
  );
const createCertificate = async () => {
  const made = await things.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
  return {
    certificateId: made.certificateId ?? '',
    certificateArn: made.certificateArn ?? '',
    certificatePem: made.certificatePem ?? '',
    privateKey: made.keyPair?.PrivateKey ?? '',
  };
};

describe('the credential provider, set up with the SDK', async () => {
  const thingName = 'sdk-thing';
  const roleAlias = 'sdk-alias';
  const roleName = 'sdk-role';
  const certificate = await createCertificate();
  const principal = certificate.certificateArn;
  const whoIs = () =>
    whoIsThing(emulator, {
      thingName,
      roleAlias,
      certificate: certificate.certificatePem,
      privateKey: certificate.privateKey,
      endpoint: emulator.credentialsEndpoint,
    });
  const roleAliasArn = `arn:aws:iot:${region}:${accountId}:rolealias/${roleAlias}`;

  it('sees each change with the next request', async () => {
    await things.send(new iot.CreateThingCommand({ thingName }));
    await expect(whoIs()).rejects.toMatchObject({ code: expect.stringMatching(/THING/) });

    await things.send(new iot.AttachThingPrincipalCommand({ thingName, principal }));
    await expect(whoIs()).rejects.toThrow();

    const deny = allowAlias(roleAliasArn).replace('Allow', 'Deny');
    const policyName = 'sdk-policy';
    await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument: deny }));
    await things.send(new iot.AttachPolicyCommand({ policyName, target: principal }));
    await expect(whoIs()).rejects.toThrow();

    const version = await things.send(
      new iot.CreatePolicyVersionCommand({
        policyName,
        policyDocument: allowAlias(roleAliasArn),
        setAsDefault: true,
      }),
    );
    expect(version).toMatchObject({ policyVersionId: '2', isDefaultVersion: true });
    await expect(whoIs()).rejects.toThrow();

    const roleArn = `arn:aws:iam::${accountId}:role/${roleName}`;
    await things.send(
      new iot.CreateRoleAliasCommand({ roleAlias, roleArn, credentialDurationSeconds: 7200 }),
    );
    await expect(whoIs()).rejects.toThrow();

    await createRole(roleName);
    await expect(whoIs()).rejects.toThrow();

    await roles.send(new iam.UpdateRoleCommand({ RoleName: roleName, MaxSessionDuration: 7200 }));
    const trust = (region: string) =>
      roles.send(
        new iam.UpdateAssumeRolePolicyCommand({
          RoleName: roleName,
          PolicyDocument: TRUST_POLICY.replace(
            '"Action"',
            `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:iot:${region}:${accountId}:*"}},"Action"`,
          ),
        }),
      );
    await trust('us-east-1');
    await expect(whoIs()).rejects.toMatchObject({ code: 'ERR_ROLE_NOT_ASSUMABLE' });
    await trust(region);
    expect(await whoIs()).toBe(
      `arn:aws:sts::${accountId}:assumed-role/${roleName}/${certificate.certificateId}`,
    );

    const { certificateId } = certificate;
    await things.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }));
    await expect(whoIs()).rejects.toThrow();
    await things.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
    await expect(whoIs()).resolves.toContain(certificateId);
  });

  it("lets a thing's session neither change nor see the account", async () => {
    const session = createSession({
      endpoint: emulator.credentialsEndpoint,
      roleAlias,
      thingName,
      certificate: certificate.certificatePem,
      privateKey: certificate.privateKey,
      ca: emulator.ca,
      region,
    });
    const client = new iot.IoTClient({ ...session, endpoint: emulator.apiEndpoint });
    await expect(client.send(new iot.ListThingsCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 403 },
    });
    client.destroy();
  });
});

describe('the record of requests', () => {
  const last = () => emulator.requests.latest.at(-1);

  it('says which operation was asked for, and by whom', async () => {
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

  it('knows no caller where the signature is wrong', async () => {
    const credentials = { ...administrator, secretAccessKey: 'wrong' };
    const client = new sts.STSClient({ ...options, credentials });
    await expect(client.send(new sts.GetCallerIdentityCommand({}))).rejects.toThrow();
    client.destroy();
    expect(last()).toMatchObject({ operation: 'sts:GetCallerIdentity', status: 403 });
    expect(last()).not.toHaveProperty('callerArn');
    expect(JSON.stringify(emulator.requests)).not.toContain(administrator.secretAccessKey);
  });
});

describe('things', () => {
  it('may be made twice the same, and not differing', async () => {
    await things.send(new iot.CreateThingTypeCommand({ thingTypeName: 'kind' }));
    const thing = { thingName: 'twice', thingTypeName: 'kind' };
    const one = await things.send(new iot.CreateThingCommand(thing));
    expect(await things.send(new iot.CreateThingCommand(thing))).toMatchObject({
      thingId: one.thingId,
      thingArn: `arn:aws:iot:${region}:${accountId}:thing/twice`,
    });
    await expect(
      things.send(new iot.CreateThingCommand({ thingName: 'twice' })),
    ).rejects.toBeInstanceOf(iot.ResourceAlreadyExistsException);
    await expect(
      things.send(new iot.CreateThingCommand({ thingName: 'x', thingTypeName: 'none' })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    expect(
      await things.send(new iot.DescribeThingTypeCommand({ thingTypeName: 'kind' })),
    ).toMatchObject({ thingTypeName: 'kind', thingTypeMetadata: { deprecated: false } });
  });

  it('are listed page by page', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
    for (const thingName of names) await things.send(new iot.CreateThingCommand({ thingName }));
    const seen: (string | undefined)[] = [];
    const pages = iot.paginateListThings({ client: things, pageSize: 2 }, {});
    for await (const page of pages) {
      expect(page.things?.length).toBeLessThanOrEqual(2);
      seen.push(...(page.things ?? []).map(({ thingName }) => thingName));
    }
    expect(seen).toEqual(expect.arrayContaining(names));
    expect(new Set(seen).size).toBe(seen.length);
    await expect(
      things.send(new iot.ListThingsCommand({ maxResults: 251 })),
    ).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await things.send(new iot.DeleteThingCommand({ thingName: 'page-0' }));
    await things.send(new iot.DeleteThingCommand({ thingName: 'page-0' }));
    await expect(
      things.send(new iot.DescribeThingCommand({ thingName: 'page-0' })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });
});

describe('things that change', () => {
  const thingName = 'changing';
  const describeThing = () => things.send(new iot.DescribeThingCommand({ thingName }));

  it('count their versions, and merge or replace attributes', async () => {
    await things.send(new iot.CreateThingTypeCommand({ thingTypeName: 'lamp' }));
    const attributePayload = { attributes: { colour: 'red', size: '1' } };
    await things.send(new iot.CreateThingCommand({ thingName, attributePayload }));
    const update = (input: Partial<iot.UpdateThingCommandInput>) =>
      things.send(new iot.UpdateThingCommand({ thingName, ...input }));
    await update({ attributePayload: { attributes: { size: '', age: '2' }, merge: true } });
    expect(await describeThing()).toMatchObject({
      version: 2,
      attributes: { colour: 'red', age: '2' },
    });
    await update({ attributePayload: { attributes: { age: '3' } }, thingTypeName: 'lamp' });
    const changed = await describeThing();
    expect(changed).toMatchObject({ version: 3, thingTypeName: 'lamp' });
    expect(changed.attributes).toEqual({ age: '3' });
    await expect(update({ expectedVersion: 2 })).rejects.toBeInstanceOf(
      iot.VersionConflictException,
    );
    await update({ removeThingType: true, expectedVersion: 3 });
    expect(await describeThing()).not.toHaveProperty('thingTypeName');
    await expect(update({ thingTypeName: 'none' })).rejects.toBeInstanceOf(
      iot.ResourceNotFoundException,
    );
    expect(await describeThing()).toMatchObject({ version: 4, attributes: { age: '3' } });
  });
});

describe('thing groups', () => {
  const create = (thingGroupName: string, parentGroupName?: string) =>
    things.send(new iot.CreateThingGroupCommand({ thingGroupName, parentGroupName }));
  const names = (groups: readonly iot.GroupNameAndArn[] | undefined) =>
    groups?.map(({ groupName }) => groupName).sort();

  it('stand below each other', async () => {
    const house = await create('house');
    expect(house.thingGroupArn).toBe(`arn:aws:iot:${region}:${accountId}:thinggroup/house`);
    await create('floor', 'house');
    await create('room', 'floor');
    expect((await create('room', 'floor')).thingGroupId).toBeDefined();
    await expect(create('room')).rejects.toBeInstanceOf(iot.ResourceAlreadyExistsException);
    await expect(create('x', 'none')).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    const room = await things.send(new iot.DescribeThingGroupCommand({ thingGroupName: 'room' }));
    expect(room).toMatchObject({ thingGroupMetadata: { parentGroupName: 'floor' } });
    expect(names(room.thingGroupMetadata?.rootToParentThingGroups)).toEqual(['floor', 'house']);
    const list = async (input: iot.ListThingGroupsCommandInput) =>
      names((await things.send(new iot.ListThingGroupsCommand(input))).thingGroups);
    expect(await list({})).toEqual(['floor', 'house', 'room']);
    expect(await list({ recursive: false })).toEqual(['house']);
    expect(await list({ parentGroup: 'house' })).toEqual(['floor']);
    expect(await list({ parentGroup: 'house', recursive: true })).toEqual(['floor', 'room']);
    expect(await list({ namePrefixFilter: 'fl' })).toEqual(['floor']);

    const thingName = 'in-room';
    await things.send(new iot.CreateThingCommand({ thingName }));
    const { thingGroupArn } = room;
    await things.send(new iot.AddThingToThingGroupCommand({ thingName, thingGroupArn }));
    const members = async (thingGroupName: string, recursive?: boolean) => {
      const command = new iot.ListThingsInThingGroupCommand({ thingGroupName, recursive });
      return (await things.send(command)).things;
    };
    expect(await members('room')).toEqual([thingName]);
    expect(await members('house')).toEqual([]);
    expect(await members('house', true)).toEqual([thingName]);
    const groupsOf = async () =>
      names((await things.send(new iot.ListThingGroupsForThingCommand({ thingName }))).thingGroups);
    expect(await groupsOf()).toEqual(['room']);
    const remove = (thingGroupName: string) =>
      things.send(new iot.DeleteThingGroupCommand({ thingGroupName }));
    await expect(remove('house')).rejects.toBeInstanceOf(iot.InvalidRequestException);
    await remove('room');
    await remove('room');
    expect(await groupsOf()).toEqual([]);
    await expect(
      things.send(new iot.AddThingToThingGroupCommand({ thingName, thingGroupArn })),
    ).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
    await expect(
      things.send(new iot.AddThingToThingGroupCommand({ thingName })),
    ).rejects.toBeInstanceOf(iot.InvalidRequestException);
  });

  it('give their things what their policies allow, and deny', async () => {
    const thingName = 'grouped';
    const roleAlias = 'grouped-alias';
    const { certificateArn, certificatePem, privateKey } = await createCertificate();
    const roleArn = `arn:aws:iam::${accountId}:role/grouped-role`;
    await createRole('grouped-role');
    await things.send(new iot.CreateRoleAliasCommand({ roleAlias, roleArn }));
    await things.send(new iot.CreateThingCommand({ thingName }));
    await things.send(
      new iot.AttachThingPrincipalCommand({ thingName, principal: certificateArn }),
    );
    const above = (await create('above')).thingGroupArn ?? '';
    await create('below', 'above');
    const allow = allowAlias(`arn:aws:iot:${region}:${accountId}:rolealias/${roleAlias}`);
    const attach = async (policyName: string, policyDocument: string, target: string) => {
      await things.send(new iot.CreatePolicyCommand({ policyName, policyDocument }));
      await things.send(new iot.AttachPolicyCommand({ policyName, target }));
    };
    await attach('group-allow', allow, above);
    const whoIs = () =>
      whoIsThing(emulator, {
        ...{ thingName, roleAlias, privateKey, certificate: certificatePem },
        endpoint: emulator.credentialsEndpoint,
      });
    const denied = { code: 'ERR_ACCESS_DENIED' };
    await expect(whoIs()).rejects.toMatchObject(denied);
    const membership = { thingName, thingGroupName: 'below' };
    await things.send(new iot.AddThingToThingGroupCommand(membership));
    expect(await whoIs()).toContain('assumed-role/grouped-role/');
    await attach('group-deny', allow.replace('Allow', 'Deny'), certificateArn);
    await expect(whoIs()).rejects.toMatchObject(denied);
    await things.send(
      new iot.DetachPolicyCommand({ policyName: 'group-deny', target: certificateArn }),
    );
    expect(await whoIs()).toContain('assumed-role/grouped-role/');
    await things.send(new iot.RemoveThingFromThingGroupCommand(membership));
    await expect(whoIs()).rejects.toMatchObject(denied);

    const attached = async (recursive: boolean) => {
      const target = above.replace('above', 'below');
      const command = new iot.ListAttachedPoliciesCommand({ target, recursive });
      return (await things.send(command)).policies?.map(({ policyName }) => policyName);
    };
    expect(await attached(false)).toEqual([]);
    expect(await attached(true)).toEqual(['group-allow']);
    const targets = new iot.ListTargetsForPolicyCommand({ policyName: 'group-allow' });
    expect((await things.send(targets)).targets).toEqual([above]);
    await expect(
      things.send(new iot.DeletePolicyCommand({ policyName: 'group-allow' })),
    ).rejects.toBeInstanceOf(iot.DeleteConflictException);
  });
});

describe('certificates', () => {
  it('are not deleted while something needs them', async () => {
    const { certificateId, certificateArn: principal } = await createCertificate();
    const thingName = 'holder';
    const remove = () => things.send(new iot.DeleteCertificateCommand({ certificateId }));
    await things.send(new iot.CreateThingCommand({ thingName }));
    await things.send(new iot.AttachThingPrincipalCommand({ thingName, principal }));
    expect((await things.send(new iot.ListPrincipalThingsCommand({ principal }))).things).toEqual([
      thingName,
    ]);
    expect(
      (await things.send(new iot.ListThingPrincipalsCommand({ thingName }))).principals,
    ).toEqual([principal]);
    await expect(remove()).rejects.toBeInstanceOf(iot.CertificateStateException);
    await things.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    await expect(remove()).rejects.toBeInstanceOf(iot.DeleteConflictException);
    await expect(things.send(new iot.DeleteThingCommand({ thingName }))).rejects.toBeInstanceOf(
      iot.InvalidRequestException,
    );
    await things.send(new iot.DetachThingPrincipalCommand({ thingName, principal }));
    await remove();
    await expect(remove()).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
  });

  it('are made for a request, and taken from a registered authority or without one', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'authority-'));
    const file = (name: string) => join(dir, name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
    const request = (name: string, subject: string) =>
      openssl(
        ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', `/CN=${subject}`],
      );
    const sign = (name: string) => {
      const ca = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
      openssl('x509', '-req', '-in', file(`${name}.csr`), ...ca, '-out', file(`${name}.pem`));
      return readFileSync(file(`${name}.pem`), 'utf8');
    };
    try {
      const { registrationCode = '' } = await things.send(new iot.GetRegistrationCodeCommand({}));
      openssl(
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=The CA'],
      );
      const caCertificate = readFileSync(file('ca.pem'), 'utf8');
      request('code', registrationCode);
      request('device', 'device');
      const certificatePem = sign('device');
      await expect(
        things.send(new iot.RegisterCertificateCommand({ certificatePem })),
      ).rejects.toBeInstanceOf(iot.CertificateValidationException);
      await expect(
        things.send(
          new iot.RegisterCACertificateCommand({
            caCertificate,
            verificationCertificate: certificatePem,
          }),
        ),
      ).rejects.toBeInstanceOf(iot.RegistrationCodeValidationException);
      const ca = await things.send(
        new iot.RegisterCACertificateCommand({
          caCertificate,
          verificationCertificate: sign('code'),
          setAsActive: true,
        }),
      );
      const { certificateId } = await things.send(
        new iot.RegisterCertificateCommand({ certificatePem, status: 'ACTIVE' }),
      );
      const { certificateDescription } = await things.send(
        new iot.DescribeCertificateCommand({ certificateId }),
      );
      expect(certificateDescription).toMatchObject({
        certificateId,
        caCertificateId: ca.certificateId,
        status: 'ACTIVE',
        certificatePem,
      });
      await expect(
        things.send(new iot.RegisterCertificateWithoutCACommand({ certificatePem })),
      ).rejects.toBeInstanceOf(iot.ResourceAlreadyExistsException);
      const certificateSigningRequest = readFileSync(file('device.csr'), 'utf8');
      const made = await things.send(
        new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest }),
      );
      expect(made.certificatePem).toContain('BEGIN CERTIFICATE');
      const { certificates } = await things.send(
        new iot.ListCertificatesCommand({ pageSize: 1, ascendingOrder: false }),
      );
      expect(certificates?.[0]).toMatchObject({
        certificateId: made.certificateId,
        status: 'INACTIVE',
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('keys of certificates', () => {
  const dir = mkdtempSync(join(tmpdir(), 'keys-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const make = (kind: readonly string[], ...how: string[]) => {
    const out = join(dir, 'out.pem');
    const key = ['-newkey', ...kind, '-nodes', '-keyout', join(dir, 'key.pem')];
    const args = ['req', ...how, ...key, '-out', out, '-subj', '/CN=device'];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return readFileSync(out, 'utf8');
  };
  const ec = (curve: string) => ['ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];

  it.each([
    ['RSA 2048', ['rsa:2048'], true],
    ['RSA 1024', ['rsa:1024'], false],
    ['P-256', ec('P-256'), true],
    ['P-384', ec('P-384'), true],
    ['P-521', ec('P-521'), true],
    ['secp256k1', ec('secp256k1'), false],
    ['Ed25519', ['ed25519'], false],
  ])('%s', async (_name, kind, isTaken) => {
    const certificatePem = make(kind, '-x509');
    const registered = things.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem, status: 'ACTIVE' }),
    );
    const certificateSigningRequest = make(kind);
    const issued = things.send(
      new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest }),
    );
    if (isTaken) {
      await registered;
      expect((await issued).certificatePem).toContain('BEGIN CERTIFICATE');
    } else {
      await expect(registered).rejects.toBeInstanceOf(iot.CertificateValidationException);
      await expect(issued).rejects.toBeInstanceOf(iot.InvalidRequestException);
    }
  });
});

describe('policies', () => {
  it('have five versions at most, and stay while they are attached', async () => {
    const policyName = 'versions';
    const policyDocument = allowAlias('*');
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

describe('role aliases and endpoints', () => {
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

describe('IAM and STS', () => {
  it('have their own names for what goes wrong', async () => {
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

  it('attach managed policies to roles', async () => {
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

  it('list roles page by page, and by path', async () => {
    for (const name of ['page-a', 'page-b']) await createRole(name, { Path: '/page/' });
    const seen: (string | undefined)[] = [];
    for await (const { Roles } of iam.paginateListRoles({ client: roles, pageSize: 1 }, {})) {
      expect(Roles?.length).toBeLessThanOrEqual(1);
      seen.push(...(Roles ?? []).map(({ RoleName }) => RoleName));
    }
    expect(seen).toEqual(expect.arrayContaining(['page-a', 'page-b', 'sdk-role']));
    const { Roles } = await roles.send(new iam.ListRolesCommand({ PathPrefix: '/page/' }));
    expect(Roles?.map(({ Arn }) => Arn)).toEqual([
      `arn:aws:iam::${accountId}:role/page/page-a`,
      `arn:aws:iam::${accountId}:role/page/page-b`,
    ]);
  });

  it('let the administrator assume a role that trusts the account', async () => {
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

  it('let a role assume another that trusts it, for an hour at most', async () => {
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
