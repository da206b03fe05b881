import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Debian's AWS CLI, in one process for many commands. */
export interface AwsCli {
  /** Runs a command, as a user would type it; returns what it printed. */
  run(command: string): Promise<string>;
  close(): void;
}

/** The emulator: of these sources, or of the built package. */
interface Account {
  readonly apiEndpoint: string;
  readonly region: string;
  readonly administrator: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Starts the AWS CLI in a folder, with the keys of the emulator's administrator. */
export function startAwsCli(aws: Account, folder: string): AwsCli {
  const script = fileURLToPath(new URL('aws-cli.py', import.meta.url));
  const child = spawn('/usr/bin/python3', [script, aws.apiEndpoint], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: '/usr/bin:/bin',
      HOME: folder,
      AWS_ACCESS_KEY_ID: aws.administrator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.administrator.secretAccessKey,
      AWS_REGION: aws.region,
      AWS_DEFAULT_REGION: aws.region,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_PAGER: '',
    },
  });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async run(command) {
      child.stdin.write(`${command}\n`);
      const { value } = await answers.next();
      const { status, printed } = JSON.parse(value ?? '{"printed":"the AWS CLI ended"}');
      if (status !== 0) throw new Error(`${command}: ${printed}`);
      return printed;
    },
    close: () => child.stdin.end(),
  };
}
