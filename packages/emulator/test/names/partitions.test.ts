import { request } from 'node:https';
import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { type Emulator, type Seed, startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';
import { whoIsThing } from '../support/session.ts';

const REGIONS = [
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['cn-northwest-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['us-gov-east-1', 'aws-us-gov'],
  ['us-iso-east-1', 'aws-iso'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['eu-isoe-west-1', 'aws-iso-e'],
  ['us-isof-south-1', 'aws-iso-f'],
  ['eusc-de-east-1', 'aws-eusc'],
] as const;

describe.each(REGIONS)('an account in %s', (region, partition) => {
  it(`has the ARNs and the DNS suffix of ${partition}`, async () => {
    await using emulator = await startEmulator({ region });
    const { accountId, credentialsHostName } = emulator;
    const seed = await emulator.seed({
      thingName: 'thing',
      roleAlias: 'alias',
      keyType: 'EC-P256',
    });
    const sdk = openSdk(emulator);
    const { things, roles, tokens } = sdk;
    const RoleName = seed.roleName;
    const account = `arn:${partition}:iam::${accountId}`;
    const { Role } = await roles.send(new iam.GetRoleCommand({ RoleName }));
    expect(Role?.Arn).toBe(`${account}:role/${RoleName}`);
    const { certificates } = await things.send(new iot.ListCertificatesCommand({}));
    const prefix = `arn:${partition}:iot:${region}:${accountId}`;
    expect(certificates?.[0]?.certificateArn).toBe(`${prefix}:cert/${seed.certificateId}`);
    const { Arn } = await tokens.send(new sts.GetCallerIdentityCommand({}));
    expect(Arn).toMatch(`${account}:`);
    const endpoint = emulator.credentialsEndpoint;
    const { thingName, roleAlias, certificatePem: certificate, privateKeyPem: privateKey } = seed;
    const device = { thingName, roleAlias, certificate, privateKey, endpoint };
    expect(await whoIsThing(emulator, device)).toBe(
      `arn:${partition}:sts::${accountId}:assumed-role/${RoleName}/${seed.certificateId}`,
    );

    const suffix = `.iot.${region}.${suffixOf(region)}`;
    expect(credentialsHostName).toMatch(/^c\w{13}\.credentials\.iot\./);
    expect(credentialsHostName.endsWith(suffix)).toBe(true);
    expect(await statusUnder(emulator, seed, credentialsHostName)).toBe(200);
    const { endpointAddress } = await things.send(
      new iot.DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }),
    );
    expect(endpointAddress?.replace(/^a\w{13}[.-]ats/, '')).toBe(suffix);

    const attach = (arn: string) =>
      roles.send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn: arn }));
    const policy = (name: string) => `arn:${name}:iam::aws:policy/AWSIoTFullAccess`;
    await attach(policy(partition));
    const other = partition === 'aws' ? 'aws-cn' : 'aws';
    await expect(attach(policy(other))).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'Invalid ARN partition',
      $metadata: { httpStatusCode: 400 },
    });
    sdk.close();
  });
});

/** The DNS suffix of a region in the endpoint rules of the AWS SDK. */
function suffixOf(region: string): string {
  const { url } = new iot.IoTClient({ region }).config.endpointProvider({ Region: region });
  return url.hostname.replace(`iot.${region}.`, '');
}

/** The status of a request for credentials under the host name on AWS. */
function statusUnder(emulator: Emulator, seed: Seed, servername: string): Promise<number> {
  const port = emulator.credentialsEndpoint.split(':').at(-1);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, servername, headers: { host: servername }, agent: false },
        ...{ ca: emulator.ca, cert: seed.certificatePem, key: seed.privateKeyPem },
        path: `/role-aliases/${seed.roleAlias}/credentials`,
      },
      (response) => resolve(response.resume().statusCode ?? 0),
    );
    sent.on('error', reject).end();
  });
}
