import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { ENV_FORMATS, type EnvFormat } from '../../src/cli/env-formats.ts';
import { startEmulator } from '../../src/index.ts';
import { MAIN } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-env-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
// A name that a shell must quote.
const dir = join(root, "it's aws");

it('eval "$(… env --dir DIR)" makes the AWS CLI use the emulator', async () => {
  await using aws = await startEmulator({ dir, region: 'eu-west-1' });
  const shell = `eval "$("$NODE" "$MAIN" env --dir "$DIR")"
    aws --endpoint-url "$AWS_ENDPOINT_URL" sts get-caller-identity --query Arn --output text
    echo "$AWS_ENDPOINT_URL $AWS_REGION $AWS_DEFAULT_REGION"`;
  const { stdout } = await promisify(execFile)('sh', ['-euc', shell], {
    env: {
      ...{ PATH: '/usr/bin:/bin', HOME: root, NODE: process.execPath, MAIN, DIR: dir },
      // From another session.
      ...{ AWS_SESSION_TOKEN: 'old', AWS_PROFILE: 'other', AWS_ACCESS_KEY_ID: 'OLD' },
    },
  });
  expect(stdout.split('\n')).toEqual([
    `arn:aws:iam::${aws.accountId}:root`,
    `${aws.apiEndpoint} eu-west-1 eu-west-1`,
    '',
  ]);
});

it('without a running emulator says how to start one', async () => {
  const run = (folder: string) => {
    const args = [MAIN, 'env', '--dir', folder];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const line = (folder: string, word: string) =>
    `awsiot-credentialhelper-emulator: error: no emulator runs on ${folder}; start one with: awsiot-credentialhelper-emulator start --dir ${word}\n`;
  await (await startEmulator({ dir })).close();
  expect(run(dir)).toEqual({
    status: 1,
    stdout: '',
    stderr: line(dir, `'${dir.replace("'", "'\\''")}'`),
  });
  const missing = `${MAIN}/file`;
  expect(run(missing)).toEqual({ status: 1, stdout: '', stderr: line(missing, missing) });
});

const UNSET = 'AWS_SESSION_TOKEN AWS_PROFILE';

it.each<[EnvFormat, readonly string[]]>([
  ['sh', ["export A='b c'", 'export D=e+/f', `unset ${UNSET}`]],
  ['fish', ["set -gx A 'b c'", 'set -gx D e+/f', `set -e ${UNSET}`]],
  [
    'powershell',
    [
      "$env:A = 'b c'",
      "$env:D = 'e+/f'",
      '$env:AWS_SESSION_TOKEN = $null',
      '$env:AWS_PROFILE = $null',
    ],
  ],
  ['dotenv', ['A=b c', 'D=e+/f']],
  ['json', ['{\n  "A": "b c",\n  "D": "e+/f"\n}']],
])('--format %s', (format, lines) => {
  const variables = [
    ['A', 'b c'],
    ['D', 'e+/f'],
  ] as const;
  expect(ENV_FORMATS[format](variables)).toEqual(lines);
});
