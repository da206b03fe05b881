import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Emulator } from 'awsiot-credentialhelper-emulator';

/** A thing of the emulator, with its files. */
export interface Device {
  readonly certificateId: string;
  readonly files: { readonly certificate: string; readonly key: string; readonly ca: string };
  /** The environment variables of its settings, without others that name credentials. */
  readonly env: Readonly<Record<string, string>>;
}

/** Creates the thing `thing` with the role alias `alias`, and writes its files to a folder. */
export async function createDevice(aws: Emulator, folder: string): Promise<Device> {
  const seed = await aws.seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const files = {
    certificate: write('cert.pem', seed.certificatePem),
    key: write('key.pem', seed.privateKeyPem),
    ca: write('ca.pem', aws.ca),
  };
  return {
    certificateId: seed.certificateId,
    files,
    env: {
      HOME: folder,
      AWS_IOT_CREDENTIAL_ENDPOINT: aws.credentialsEndpoint,
      AWS_IOT_ROLE_ALIAS: 'alias',
      AWS_IOT_THING_NAME: 'thing',
      AWS_IOT_CERTIFICATE: files.certificate,
      AWS_IOT_PRIVATE_KEY: files.key,
      AWS_IOT_CA: files.ca,
      AWS_REGION: aws.region,
    },
  };
}
