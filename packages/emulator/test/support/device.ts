import { createSession } from 'awsiot-credentialhelper';
import type { Emulator, Seed } from '../../src/index.ts';
import { type Clients, clientsOf } from './operations.ts';

/** Fetches credentials as a device, and returns clients with them. */
export async function deviceClients(
  aws: Emulator,
  device: Seed,
  thingName: string | undefined = device.thingName,
): Promise<Clients> {
  const session = createSession({
    endpoint: aws.credentialsEndpoint,
    roleAlias: device.roleAlias,
    ...(thingName !== '' && { thingName }),
    certificate: device.certificatePem,
    privateKey: device.privateKeyPem,
    ca: aws.ca,
    region: aws.region,
  });
  return clientsOf(aws, await session.credentials());
}
