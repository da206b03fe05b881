import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1.d.ts';
import type { ConfigMap, Container, PodSpec, Probe } from 'kubernetes-types/core/v1.d.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { openssl } from '../../packages/credentialhelper/test/support/openssl.ts';
import { freePort } from '../../packages/credentialhelper/test/support/ports.ts';
import {
  type Serving,
  send,
  startServe,
  until,
} from '../../packages/credentialhelper/test/support/serve.ts';
import { startDevice } from '../support/device.ts';

const device = await startDevice();
const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const parse = (name: string) =>
  parseAllDocuments(read(name)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as unknown;
  });

const [settings, deployment] = parse('sidecar.yaml') as [ConfigMap, Deployment];
const [daemonSet] = parse('daemonset.yaml') as [DaemonSet];
const sidecarPod = deployment.spec?.template.spec as PodSpec;
const nodePod = daemonSet.spec?.template.spec as PodSpec;
const [sidecar] = sidecarPod.initContainers as [Container];
const [program] = sidecarPod.containers as [Container];
const [ofNode] = nodePod.containers as [Container];

let serving: Serving | undefined;
afterEach(async () => {
  await serving?.stop();
  serving = undefined;
});

const variables = ({ env = [] }: Container) =>
  Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));
const isReady = (base: string) => until(async () => (await send(`${base}/readyz`)).status === 200);

/** Whether the compiler accepts the documents as these types: it also finds misspelled members. */
function typeErrors(documents: readonly unknown[], types: readonly (readonly [string, string])[]) {
  const folder = join(device.folder, `types-${Math.random()}`);
  mkdirSync(folder);
  const lines = documents.map((document, index) => {
    const [module, name] = types[index] ?? [];
    return `export const document${index}: import('kubernetes-types/${module}').${name} = ${JSON.stringify(document)};`;
  });
  writeFileSync(join(folder, 'documents.ts'), lines.join('\n'));
  const compilerOptions = {
    ...{ strict: true, noEmit: true, module: 'nodenext', types: [], skipLibCheck: true },
    paths: { 'kubernetes-types/*': [join(root, 'node_modules/kubernetes-types/*.d.ts')] },
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['documents.ts'] }),
  );
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    return '';
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout);
  }
}

describe('the objects', () => {
  it('are of the API of Kubernetes', () => {
    const types = [
      ['core/v1', 'ConfigMap'],
      ['apps/v1', 'Deployment'],
      ['apps/v1', 'DaemonSet'],
    ] as const;
    expect(typeErrors([settings, deployment, daemonSet], types)).toBe('');
    const misspelled = JSON.parse(JSON.stringify(daemonSet).replace('hostNetwork', 'hostNetwrok'));
    expect(typeErrors([misspelled], [types[2]])).toContain('hostNetwrok');
  });

  it.each([
    ['sidecar.yaml', sidecarPod],
    ['daemonset.yaml', nodePod],
  ])('of %s have no privileges', (_file, { securityContext, ...pod }) => {
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.image).toMatch(/:\d+\.\d+\.\d+$/);
      for (const { name } of container.volumeMounts ?? []) {
        expect(pod.volumes?.map((volume) => volume.name)).toContain(name);
      }
    }
  });
});

it('the program beside the sidecar gets credentials, and the probes work', async () => {
  const port = String(await freePort());
  for (const [name, file] of [
    ['tls.crt', 'cert.pem'],
    ['tls.key', 'key.pem'],
  ] as const) {
    device.write(name, readFileSync(join(device.folder, file), 'utf8'));
  }
  const config = device.write(
    'sidecar.yaml',
    `${settings.data?.['config.yaml']}`
      .replace(/^endpoint: .*$/m, device.settings)
      .replaceAll('/etc/device', device.folder),
  );
  const token = join(device.folder, 'sidecar', 'token');
  const [command, ...args] = (sidecar.args ?? []).map((arg) =>
    arg
      .replace('/etc/awsiot-credentialhelper/config.yaml', config)
      .replace('/run/awsiot-credentialhelper/token', token),
  );
  expect(command).toBe('serve');
  const probe = async ({ exec }: Probe = {}) => {
    const [file = '', ...rest] = exec?.command ?? [];
    expect(file).toBe('node');
    const inPlace = rest.map((arg) => arg.replace('9911', port));
    const run = promisify(execFile)(process.execPath, inPlace);
    return run.then(
      () => 0,
      ({ code }) => code,
    );
  };
  expect(await probe(sidecar.livenessProbe)).toBe(1);
  serving = await startServe([...args, '--listen', `127.0.0.1:${port}`], {
    AWS_CONFIG_FILE: join(device.folder, 'none'),
  });
  await isReady(serving.base);
  for (const one of [sidecar.startupProbe, sidecar.readinessProbe, sidecar.livenessProbe]) {
    expect(await probe(one)).toBe(0);
  }
  const env = Object.fromEntries(
    Object.entries(variables(program)).map(([name, value]) => [
      name,
      value.replace('9911', port).replace('/run/awsiot-credentialhelper/token', token),
    ]),
  );
  expect(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE).toBe(token);
  expect(await device.whoAmI(env)).toContain(device.arn);
});

it('a pod on a node gets its credentials, and the probes work', async () => {
  const port = String(await freePort());
  const config = device.write(
    'node.yaml',
    `${device.settings}roleAlias: my-role-alias\nthingName: my-thing\ncertificate: cert.pem\nprivateKey: key.pem\n`,
  );
  // As root has prepared it for the group of the user.
  chmodSync(config, 0o640);
  const token = openssl('rand', '-hex', '32').toString().trim();
  const address = `127.0.0.1:${port}`;
  const [, ...args] = (ofNode.args ?? []).map((arg) =>
    arg
      .replace('/etc/awsiot-credentialhelper/config.yaml', config)
      .replace('169.254.170.23:9911', address),
  );
  expect(args).toContain(`--listen=${address}`);
  expect(Object.keys(variables(ofNode))).toEqual(['AWS_IOT_SERVE_TOKEN']);
  serving = await startServe(args, {
    AWS_CONFIG_FILE: join(device.folder, 'none'),
    AWS_IOT_SERVE_TOKEN: token,
  });
  await isReady(serving.base);
  for (const probe of [ofNode.startupProbe, ofNode.readinessProbe, ofNode.livenessProbe]) {
    expect(probe?.httpGet).toMatchObject({ host: '169.254.170.23', port: 9911 });
    const { status } = await send(`http://${address}${probe?.httpGet?.path}`);
    expect(status).toBe(200);
  }
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${address}/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
  };
  expect(read('README.md')).toContain('http://169.254.170.23:9911/credentials');
  expect(await device.whoAmI(env)).toContain(device.arn);
  expect(await device.whoAmIWithCli(env)).toContain(device.arn);
});
