import { quoted } from '../credentials/remedies.ts';
import { EmulatorError } from '../errors.ts';
import type { AccessKeyAnswer } from '../server/control/answers.ts';
import { ENV_FORMATS, type EnvFormat } from './env-formats.ts';
import { findRunning, hasState, sendControl } from './folder.ts';
import { PROGRAM } from './output.ts';

/** Prints the environment variables with which the AWS CLI and SDKs use the emulator that runs on a folder. */
export async function printEnv(options: {
  readonly dir: string;
  readonly format: EnvFormat;
}): Promise<void> {
  const { dir, format } = options;
  const emulator = hasState(dir) ? await findRunning(dir) : undefined;
  if (emulator === undefined) {
    throw new EmulatorError(
      `no emulator runs on ${dir}; start one with: ${PROGRAM} start --dir ${quoted(dir)}`,
      { code: 'ERR_DIR' },
    );
  }
  const { region, accessKeyId, secretAccessKey } = await sendControl<AccessKeyAnswer>(
    emulator,
    'GET access-key',
  );
  const lines = ENV_FORMATS[format]([
    ['AWS_ENDPOINT_URL', emulator.apiEndpoint],
    ['AWS_REGION', region],
    // boto3 and version 1 of the AWS CLI read this one alone.
    ['AWS_DEFAULT_REGION', region],
    ['AWS_ACCESS_KEY_ID', accessKeyId],
    ['AWS_SECRET_ACCESS_KEY', secretAccessKey],
  ]);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
