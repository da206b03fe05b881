import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll } from 'vitest';

/** A device of tests, in place of the one that the files of the examples name. */
export interface Device {
  /** A folder with `cert.pem`, `key.pem` and `ca.pem`, which is deleted after the tests. */
  readonly folder: string;
  /** The settings that differ on a real device, as environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** The settings that differ on a real device, as lines of YAML. */
  readonly settings: string;
  /** The URL of the AWS APIs. */
  readonly apiEndpoint: string;
  /** The end of the ARN that its credentials have. */
  readonly arn: string;
  /** Writes a file that other users cannot read, and returns its path. */
  write(name: string, text: string): string;
  /** The ARN that the AWS SDK for JavaScript gets with some environment variables, and no others. */
  whoAmI(environment: Readonly<Record<string, string>>): Promise<string>;
  /** The ARN that the AWS CLI gets. */
  whoAmIWithCli(environment: Readonly<Record<string, string>>): Promise<string>;
}

const PROGRAM = `
  import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
  const sts = new STSClient({ endpoint: process.argv[1] });
  console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
`;

/** Starts an emulator of AWS with a device. */
export async function startDevice(): Promise<Device> {
  const folder = mkdtempSync(join(tmpdir(), 'device-example-'));
  const aws = await startEmulator({ region: 'eu-west-1' });
  afterAll(async () => {
    await aws.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const run = async (
    file: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => {
    const own = { PATH: `${process.env.PATH}`, HOME: folder, AWS_REGION: aws.region };
    const env = { ...own, NODE_NO_WARNINGS: '1', ...environment };
    const { stdout } = await promisify(execFile)(file, args, {
      env,
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    });
    return stdout.trim();
  };
  const seed = await aws.seed({ thingName: 'my-thing', roleAlias: 'my-role-alias' });
  write('cert.pem', seed.certificatePem);
  write('key.pem', seed.privateKeyPem);
  const ca = write('ca.pem', aws.ca);
  return {
    folder,
    write,
    environment: {
      AWS_IOT_CREDENTIAL_ENDPOINT: aws.credentialsEndpoint,
      AWS_IOT_CA: ca,
      AWS_REGION: aws.region,
    },
    settings: `endpoint: ${aws.credentialsEndpoint}\nca: ${ca}\nregion: ${aws.region}\n`,
    apiEndpoint: aws.apiEndpoint,
    arn: `assumed-role/my-role-alias-role/${seed.certificateId}`,
    whoAmI: (environment) =>
      run(process.execPath, ['--input-type=module', '-e', PROGRAM, aws.apiEndpoint], environment),
    whoAmIWithCli: (environment) =>
      run(
        '/usr/bin/aws',
        [
          ...['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'],
          ...['--endpoint-url', aws.apiEndpoint],
        ],
        environment,
      ),
  };
}
