// Gets credentials in the test runners' modules, environments and pools.
import { createServer } from 'node:net';
import { check, head } from './project.mjs';

/** A server for the tests that accepts connections and does not respond. */
async function silentPort() {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  server.unref();
  return server.address().port;
}

/**
 * The tests, the same in all runners.
 *
 * @param fake - the object whose methods make timers fake and real
 */
const tests = (requestFile, fake) => `
const { common, inFile, inToken, silent } = JSON.parse(readFileSync(${JSON.stringify(requestFile)}, 'utf8'));
const get = async (options) => (await fromIotCore({ ...common, ...options })()).accessKeyId;
const read = (file) => new Uint8Array(readFileSync(file));
const KEY_ID = /^ASIA/;
it('file', async () => expect(await get(inFile)).toMatch(KEY_ID));
it('bytes', async () => {
  const certificate = read(common.certificate);
  const options = { privateKey: read(inFile.privateKey), certificate, ca: read(common.ca) };
  expect(await get(options)).toMatch(KEY_ID);
});
it('token', async () => expect(await get(inToken)).toMatch(KEY_ID));
it('token in this process', async () => expect(await get({ pkcs11: { ...inToken.pkcs11, isolate: false } })).toMatch(KEY_ID));
it('identity', async () => {
  const identity = await openTlsIdentity({ certificate: common.certificate, ...inFile });
  expect(identity.certificate.subject).toContain('CN=');
});
it('error', async () => {
  const error = await get({ ...inFile, endpoint: '127.0.0.1:1', maxWaitMs: 0 }).catch((thrown) => thrown);
  expect(error.code).toBe('ERR_CONNECTION_REFUSED');
  expect(isCredentialHelperError(error)).toBe(true);
});
it('limit', async () => {
  const options = { ...inFile, endpoint: silent, timeoutMs: 300 };
  expect((await get(options).catch((thrown) => thrown)).code).toBe('ERR_TIMEOUT');
});
describe('with fake timers', () => {
  beforeEach(() => ${fake}.useFakeTimers());
  afterEach(() => ${fake}.useRealTimers());
  it('file', async () => expect(await get(inFile)).toMatch(KEY_ID));
  it('token', async () => expect(await get(inToken)).toMatch(KEY_ID));
  it('limit', async () => {
    const options = { ...inFile, endpoint: silent, timeoutMs: 300 };
    expect((await get(options).catch((thrown) => thrown)).code).toBe('ERR_TIMEOUT');
  });
  it('time', async () => {
    const provider = fromIotCore({ ...common, ...inFile });
    const { sessionToken, expiration } = await provider();
    expect((await provider()).sessionToken).toBe(sessionToken);
    ${fake}.setSystemTime(expiration.getTime() - 1);
    expect((await provider()).sessionToken).toBe(sessionToken);
    // The clock of the server counts: a system time that is set expires nothing.
    ${fake}.setSystemTime(expiration.getTime() + 7_200_000);
    expect((await provider()).sessionToken).toBe(sessionToken);
  });
});
`;

const TESTS = 11;
const ALL = `${TESTS} passed`;
const ENVIRONMENTS = ['node', 'jsdom', 'happy-dom'];

const imports = `import { readFileSync } from 'node:fs';
import { fromIotCore, isCredentialHelperError } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
`;
const requires = `const { readFileSync } = require('node:fs');
const { fromIotCore, isCredentialHelperError } = require('awsiot-credentialhelper');
const { openTlsIdentity } = require('awsiot-credentialhelper/tls');
`;

async function requestFile({ write, common, inFile, inToken }) {
  const silent = `127.0.0.1:${await silentPort()}`;
  return write('request.json', JSON.stringify({ common, inFile, inToken, silent }));
}

/** The results of a runner, in the JSON format of both. */
function outcome(printed) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(
      printed.split('\n').find((line) => line.startsWith('{"')),
    );
    const failed = testResults.flatMap(({ message, assertionResults }) => [
      message,
      ...assertionResults.filter(({ status }) => status !== 'passed'),
    ]);
    const came = `${numPassedTests} passed${numFailedTests > 0 ? `, ${numFailedTests} failed` : ''}`;
    return { came, expected: ALL, details: failed };
  } catch {
    return { came: 'no answer', expected: ALL, details: printed };
  }
}

/** Runs the tests in Jest, as CommonJS and as ES modules. */
export async function tryJest(project, device) {
  const request = await requestFile(device);
  const version = project.version('jest');
  const body = tests(request, 'jest');
  project.write('cjs.test.cjs', requires + body);
  project.write('esm.test.mjs', `${imports}import { jest } from '@jest/globals';\n${body}`);
  const environments = ['node', 'jsdom', '@happy-dom/jest-environment'];
  head(['Jest', 'modules', ...ENVIRONMENTS]);
  for (const [modules, file, flags] of [
    ['CommonJS', 'cjs.test.cjs', ''],
    ['ESM (`--experimental-vm-modules`)', 'esm.test.mjs', '--experimental-vm-modules'],
  ]) {
    const outcomes = [];
    for (const testEnvironment of environments) {
      const config = { testEnvironment, transform: {}, testMatch: [`**/${file}`] };
      const { printed } = await project.run(
        project.path('node_modules/jest/bin/jest.js'),
        ['--json', '--silent', '--config', JSON.stringify(config)],
        { NODE_OPTIONS: flags },
      );
      outcomes.push(outcome(printed));
    }
    check([version, modules], outcomes);
  }
}

/** Runs the tests in each pool of Vitest. */
export async function tryVitest(project, device) {
  const request = await requestFile(device);
  const version = project.version('vitest');
  const globals = "import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';\n";
  project.write('all.test.mjs', globals + imports + tests(request, 'vi'));
  head(['Vitest', 'pool', ...ENVIRONMENTS]);
  for (const pool of ['forks', 'threads', 'vmForks', 'vmThreads']) {
    const outcomes = [];
    for (const environment of ENVIRONMENTS) {
      const { printed } = await project.run(project.path('node_modules/vitest/vitest.mjs'), [
        ...['run', '--reporter=json', `--pool=${pool}`, `--environment=${environment}`],
        '--testTimeout=20000',
      ]);
      outcomes.push(outcome(printed));
    }
    check([version, pool], outcomes);
  }
}
