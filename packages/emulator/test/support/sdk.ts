import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import type { Emulator } from '../../src/index.ts';
import { TRUST_POLICY } from './session.ts';

/** A certificate created by AWS IoT, and its key. */
export interface MadeCertificate {
  readonly certificateId: string;
  readonly certificateArn: string;
  readonly certificatePem: string;
  readonly privateKey: string;
}

/** Clients of the AWS SDK for an emulator, with its administrator's credentials. */
export interface Sdk {
  readonly things: iot.IoTClient;
  readonly roles: iam.IAMClient;
  readonly tokens: sts.STSClient;
  /** Their configuration. */
  readonly options: {
    readonly endpoint: string;
    readonly region: string;
    readonly maxAttempts: number;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Creates a role, by default with a trust policy for the credential provider. */
  createRole(name: string, more?: Partial<iam.CreateRoleCommandInput>): Promise<unknown>;
  createCertificate(): Promise<MadeCertificate>;
  close(): void;
}

/** Creates clients for an emulator. */
export function openSdk({ apiEndpoint: endpoint, region, administrator }: Emulator): Sdk {
  const options = { endpoint, region, maxAttempts: 1, credentials: administrator };
  const things = new iot.IoTClient(options);
  const roles = new iam.IAMClient(options);
  const tokens = new sts.STSClient(options);
  return {
    things,
    roles,
    tokens,
    options,
    createRole: (RoleName, more = {}) =>
      roles.send(
        new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: TRUST_POLICY, ...more }),
      ),
    async createCertificate() {
      const command = new iot.CreateKeysAndCertificateCommand({ setAsActive: true });
      const made = await things.send(command);
      return {
        certificateId: made.certificateId ?? '',
        certificateArn: made.certificateArn ?? '',
        certificatePem: made.certificatePem ?? '',
        privateKey: made.keyPair?.PrivateKey ?? '',
      };
    },
    close() {
      for (const client of [things, roles, tokens]) client.destroy();
    },
  };
}
