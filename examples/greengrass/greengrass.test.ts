import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MAIN } from '../../packages/credentialhelper/test/support/cli.ts';
import { until } from '../../packages/credentialhelper/test/support/serve.ts';
import { startDevice } from '../support/device.ts';

const device = await startDevice();
const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const recipe = parse(read('recipe.yaml'));
const [{ Lifecycle: lifecycle, Artifacts: artifacts }] = recipe.Manifests;
const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends) end();
});

/** Replaces the variables of a recipe; an unknown one stays. */
const replaced = (script: string, values: Readonly<Record<string, string>>) =>
  script.replaceAll(/\{(\w+:[^}]*)\}/g, (all, name: string) => values[name] ?? all);

it('the recipe has what Greengrass requires', () => {
  expect(recipe.RecipeFormatVersion).toBe('2020-01-25');
  expect(recipe.ComponentName).toMatch(/^[\w.-]{1,128}$/);
  expect(recipe.ComponentVersion).toMatch(/^\d+\.\d+\.\d+$/);
  expect(Object.keys(lifecycle)).toEqual(['install', 'run']);
  for (const { URI } of artifacts) {
    expect(URI).toContain(`/${recipe.ComponentName}/${recipe.ComponentVersion}/main.py`);
  }
  const { version } = JSON.parse(
    readFileSync(new URL('../../packages/credentialhelper/package.json', import.meta.url), 'utf8'),
  );
  expect(lifecycle.install.Script).toContain(`awsiot-credentialhelper@${version}`);
});

// Only root can run a program as another user.
const isRoot = process.getuid?.() === 0;

it('its program gets credentials, and cannot read the key', async () => {
  const root = join(device.folder, 'greengrass');
  mkdirSync(join(root, 'config'), { recursive: true });
  device.write(
    'greengrass/config/effectiveConfig.yaml',
    JSON.stringify({
      system: {
        certificateFilePath: join(device.folder, 'cert.pem'),
        privateKeyPath: join(device.folder, 'key.pem'),
        rootCaPath: device.environment.AWS_IOT_CA,
        thingName: 'my-thing',
      },
      services: {
        'aws.greengrass.Nucleus': {
          configuration: {
            awsRegion: device.environment.AWS_REGION,
            iotRoleAlias: 'role-alias-of-all-components',
            iotCredEndpoint: device.environment.AWS_IOT_CREDENTIAL_ENDPOINT,
          },
        },
      },
    }),
  );
  const program = join(device.folder, 'artifacts');
  mkdirSync(program);
  copyFileSync(new URL('main.py', import.meta.url), join(program, 'main.py'));
  // The other user may run it, and no more.
  for (const [path, mode] of [
    [device.folder, 0o711],
    [program, 0o755],
    [join(program, 'main.py'), 0o644],
  ] as const) {
    chmodSync(path, mode);
  }
  symlinkSync(MAIN, join(device.folder, 'awsiot-credentialhelper'));
  const {
    user: _,
    group: __,
    ...configuration
  } = recipe.ComponentConfiguration.DefaultConfiguration;
  expect(configuration).toEqual({ roleAlias: 'my-role-alias' });
  const script = replaced(lifecycle.run.Script, {
    'kernel:rootPath': root,
    'artifacts:path': program,
    'configuration:/roleAlias': configuration.roleAlias,
    'configuration:/user': 'nobody',
    'configuration:/group': 'nogroup',
  });
  expect(script).not.toMatch(/\{\w+:/);
  const run = (text: string) => {
    const child = spawn('sh', ['-c', text], {
      env: {
        PATH: `${device.folder}:${dirname(process.execPath)}:/usr/bin:/bin`,
        HOME: device.folder,
        AWS_ENDPOINT_URL: device.apiEndpoint,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    ends.push(() => child.kill());
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        output += piece;
      });
    }
    return { child, output: () => output };
  };
  const asOther = isRoot ? script : script.replace(/setpriv .*(?=python3)/, '');
  const running = run(asOther);
  await until(() => running.output().includes('\n'));
  expect(running.output()).toContain(device.arn);
  const ended = new Promise((resolve) => running.child.on('exit', resolve));
  running.child.kill();
  await ended;
  if (!isRoot) return;
  const spying = run(script.replace(/python3 .*$/, `cat ${join(device.folder, 'key.pem')}`));
  await until(() => spying.output().includes('\n'));
  expect(spying.output()).toContain('Permission denied');
});
