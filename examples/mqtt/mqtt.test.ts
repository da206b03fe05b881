import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { prepareBroker } from '../../packages/credentialhelper/test/support/mosquitto.ts';
import { makeSelfSigned } from '../../packages/credentialhelper/test/support/openssl.ts';

const folder = mkdtempSync(join(tmpdir(), 'mqtt-example-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
process.env.XDG_STATE_HOME = join(folder, 'state');
process.env.XDG_RUNTIME_DIR = folder;
mkdirSync(join(folder, 'tokens'));
writeFileSync(process.env.SOFTHSM2_CONF, `directories.tokendir = ${join(folder, 'tokens')}\n`);
const BIN = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
process.env.PATH = `${BIN}:${process.env.PATH}`;

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8');
/** The commands of README.md with this prefix, without the text before them. */
function commands(begin: string): string[] {
  const pattern = new RegExp(` (${begin} (?:.*\\\\\\n)*.*)\\n`, 'g');
  return [...README.matchAll(pattern)].map(([, command = '']) => command);
}
const shell = (command: string) =>
  execFileSync('sh', ['-c', `umask 077; ${command}`], { cwd: folder, stdio: 'pipe' });

const { keyFile, certificateFile } = makeSelfSigned(folder, 'my-thing');
writeFileSync(join(folder, 'my-thing-cert.pem'), readFileSync(certificateFile));
writeFileSync(join(folder, 'my-thing-key.pem'), readFileSync(keyFile));

/** Runs the program as README.md does, with another broker. */
function publish(broker: { port: number; caFile: string }) {
  const [command = ''] = commands('npx tsx');
  const program = 'exec "$NODE" --import "$TSX" "$MAIN"';
  const line = command.replace('npx tsx examples/mqtt/main.ts', program);
  return new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) => {
    execFile(
      'sh',
      ['-c', `${line} --port ${broker.port} --ca "$CA"`],
      {
        cwd: folder,
        timeout: 30_000,
        env: {
          ...process.env,
          NODE: process.execPath,
          TSX: import.meta.resolve('tsx'),
          MAIN: fileURLToPath(new URL('main.ts', import.meta.url)),
          CA: broker.caFile,
          ENDPOINT: 'localhost',
          NODE_NO_WARNINGS: '1',
        },
      },
      (error, stdout, stderr) => resolve({ failed: error !== null, stdout, stderr }),
    );
  });
}

it('the commands of README.md publish a message and receive it', async () => {
  for (const line of commands('openssl')) shell(line);
  const tokenCommands = commands('npx awsiot-credentialhelper token');
  expect(tokenCommands).toHaveLength(2);
  for (const line of tokenCommands) shell(line.replace('npx ', ''));
  expect(existsSync(join(folder, 'my-thing-key.pem'))).toBe(false);
  const broker = await prepareBroker(folder, [certificateFile]);
  await broker.start();
  expect(await publish(broker)).toEqual({
    failed: false,
    stdout: 'my-thing/messages: hello\n',
    stderr: '',
  });
});

it('the program fails if the broker does not accept the certificate', async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  const broker = await prepareBroker(other, [makeSelfSigned(other, 'other').certificateFile]);
  await broker.start();
  const { failed, stdout, stderr } = await publish(broker);
  expect(failed).toBe(true);
  expect(stdout).toBe('');
  // The error depends on whether the broker's alert is read before the connection is closed.
  expect(stderr).toMatch(/^error: .*(alert unknown ca|closed the connection|ECONNRESET|EPIPE)/);
});
