import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createSession } from 'awsiot-credentialhelper';
import type { Emulator } from '../../src/index.ts';

/** Opens a session of the device library for a thing, and returns its ARN in STS. */
export async function whoIsThing(
  emulator: Emulator,
  thing: {
    readonly thingName: string;
    readonly roleAlias: string;
    readonly certificate: string;
    readonly privateKey: string;
    /** As returned by `DescribeEndpoint`. */
    readonly endpoint: string;
  },
): Promise<string | undefined> {
  const session = createSession({ ...thing, ca: emulator.ca, region: emulator.region });
  const sts = new STSClient({ ...session, endpoint: emulator.apiEndpoint });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({})).finally(() => sts.destroy());
  return Arn;
}

/** A trust policy that allows the credential provider to assume the role. */
export const TRUST_POLICY: string = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Service: 'credentials.iot.amazonaws.com' },
    Action: 'sts:AssumeRole',
  },
});

/** A policy that allows a certificate to use a role alias. */
export function allowAlias(roleAliasArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'iot:AssumeRoleWithCertificate', Resource: roleAliasArn },
    ],
  });
}
