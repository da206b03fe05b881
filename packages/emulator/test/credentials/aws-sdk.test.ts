import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import { createSession } from 'awsiot-credentialhelper';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';
import { allowAlias, TRUST_POLICY, whoIsThing } from '../support/session.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const { region, accountId } = emulator;
const sdk = openSdk(emulator);
const { things, roles, createRole, createCertificate } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

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

  it('applies each change to the next request', async () => {
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
