import dns from 'node:dns';
import { createSession } from 'awsiot-credentialhelper';
import { afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { startSlowListener } from '../support/slow-listener.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const server = await startRawServer(folder);
server.behave = json({ credentials });
const { lookup } = dns;
afterEach(() => {
  dns.lookup = lookup;
});

const open = (more: object = {}) =>
  createSession({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    privateKey: device.keyFile,
    ca: server.caFile,
    maxWaitMs: 0,
    ...more,
  });

/** Resolves each name to these addresses, one list for each call; the last list stays. */
function resolveTo(...answers: readonly (readonly string[])[]): { calls: number } {
  const seen = { calls: 0 };
  const replaced = (_host: string, _options: object, callback: (...args: unknown[]) => void) => {
    const addresses = answers[Math.min(seen.calls++, answers.length - 1)] ?? [];
    const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    process.nextTick(() => callback(null, all));
  };
  dns.lookup = replaced as typeof lookup;
  return seen;
}

describe('a name with several addresses', () => {
  it('gives each of them more time than the 250 ms of Node.js', async () => {
    const slow = await startSlowListener(server.endpoint.split(':')[1] ?? '');
    try {
      resolveTo(['127.0.0.1', '::1']);
      setTimeout(slow.goOn, 600);
      const began = performance.now();
      const session = open({ endpoint: `localhost:${slow.port}` });
      expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
      expect(performance.now() - began).toBeGreaterThan(500);
    } finally {
      slow.end();
    }
  });

  it('leaves time for the next one if one does not answer', async () => {
    const slow = await startSlowListener('1');
    try {
      resolveTo(['127.0.0.1', '127.0.0.2']);
      const began = performance.now();
      const session = open({ endpoint: `localhost:${slow.port}`, timeoutMs: 2000 });
      // Nothing listens on the second one: the request fails long before its timeout.
      const error = await errorOf(() => session.credentials());
      expect(error.code).toBe('ERR_NETWORK');
      expect(performance.now() - began).toBeLessThan(1500);
    } finally {
      slow.end();
    }
  });

  it('uses the next one if one is refused', async () => {
    resolveTo(['::1', '127.0.0.2', '127.0.0.1']);
    expect((await open().credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });
});

it('resolves the name again after a connection failed', async () => {
  const seen = resolveTo(['127.0.0.2'], ['127.0.0.1']);
  const session = open({ maxWaitMs: 10_000 });
  expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  expect(session.stats.failures).toEqual({ ERR_CONNECTION_REFUSED: 1 });
  expect(seen.calls).toBe(2);
});
