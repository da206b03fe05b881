import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { validate } from 'dockerfile-utils';
import { afterEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../../packages/credentialhelper/test/support/ports.ts';
import { type Serving, startServe } from '../../packages/credentialhelper/test/support/serve.ts';
import { startDevice } from '../support/device.ts';

const device = await startDevice();
const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const DOCKERFILE = read('Dockerfile');
/** An instruction in its JSON form. */
const commandOf = (instruction: string): readonly string[] =>
  JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(DOCKERFILE)?.[1] ?? '[]');
const [, health = ''] = /HEALTHCHECK[^[]*CMD (\[.*\])/.exec(DOCKERFILE) ?? [];

let serving: Serving | undefined;
afterEach(async () => {
  await serving?.stop();
});

it('the Dockerfile is valid, and its last user has no privileges', () => {
  expect(validate(DOCKERFILE)).toEqual([]);
  expect(validate('FROM a\nRUNN b')).toHaveLength(1);
  expect([...DOCKERFILE.matchAll(/^USER (.*)$/gm)].at(-1)?.[1]).toBe('node');
  expect(commandOf('ENTRYPOINT')).toEqual(['awsiot-credentialhelper']);
  const { version } = JSON.parse(
    readFileSync(new URL('../../packages/credentialhelper/package.json', import.meta.url), 'utf8'),
  );
  expect(DOCKERFILE).toContain(`awsiot-credentialhelper@${version}`);
});

it('its command serves credentials to the program of compose.yaml, and its health check sees that', async () => {
  const port = String(await freePort());
  const { services } = parse(read('compose.yaml'));
  const [, yaml = ''] = /```yaml\n([^`]*)```/.exec(read('README.md')) ?? [];
  const config = device.write('config.yaml', yaml.replace(/^endpoint: .*$/m, device.settings));
  const token = join(device.folder, 'run', 'token');
  const [command, ...args] = commandOf('CMD').map((arg) =>
    arg
      .replace('/etc/awsiot-credentialhelper/config.yaml', config)
      .replace('/run/awsiot-credentialhelper/token', token),
  );
  expect(command).toBe('serve');
  const isHealthy = () => {
    const [file, ...rest] = JSON.parse(health.replaceAll('9911', port));
    expect(file).toBe('node');
    return promisify(execFile)(process.execPath, rest).then(
      () => true,
      () => false,
    );
  };
  expect(await isHealthy()).toBe(false);
  serving = await startServe([...args, '--listen', `127.0.0.1:${port}`], {
    AWS_CONFIG_FILE: join(device.folder, 'none'),
  });
  await expect.poll(isHealthy, { timeout: 15_000 }).toBe(true);
  const { environment } = services.program;
  const used = JSON.parse(
    JSON.stringify(environment)
      .replace('9911', port)
      .replace('/run/awsiot-credentialhelper/token', token),
  );
  expect(await device.whoAmI(used)).toContain(device.arn);
});
