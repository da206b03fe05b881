import { connect, createServer } from 'node:net';
import { createSession, isCredentialHelperError } from 'awsiot-credentialhelper';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { EmulatorError, type Fault, startEmulator } from '../../src/index.ts';

const aws = await startEmulator();
afterAll(() => aws.close());
const device = await aws.seed({
  thingName: 'the-thing',
  roleAlias: 'the-alias',
  keyType: 'EC-P256',
});
beforeEach(() => aws.faults.clear());

/** The result of a session: the code of its error, or `ok`. */
async function get(timeoutMs = 5000): Promise<string> {
  const session = createSession({
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    roleAlias: 'the-alias',
    thingName: 'the-thing',
    certificate: device.certificatePem,
    privateKey: device.privateKeyPem,
    ca: aws.ca,
    timeoutMs,
    maxWaitMs: 0,
  });
  try {
    await session.credentials();
    return 'ok';
  } catch (error) {
    if (isCredentialHelperError(error)) return error.code;
    throw error;
  }
}

describe('faults', () => {
  it.each<[Fault, string]>([
    [{ action: 'hang' }, 'ERR_TIMEOUT'],
    [{ action: 'reset' }, 'ERR_CONNECTION_RESET'],
    [{ action: 'reset-in-body' }, 'ERR_RESPONSE_TRUNCATED'],
    [{ action: 'truncate' }, 'ERR_RESPONSE_TRUNCATED'],
    [{ bytesPerSecond: 10 }, 'ERR_TIMEOUT'],
    [{ bytesPerSecond: 100_000 }, 'ok'],
    [{ delayMs: 1200 }, 'ERR_TIMEOUT'],
    [{ delayMs: 10 }, 'ok'],
    [{ response: { status: 503 } }, 'ERR_SERVICE'],
    [
      { response: { status: 200, body: '<html>', headers: { 'content-type': 'text/html' } } },
      'ERR_RESPONSE_INVALID',
    ],
    [
      { response: { status: 302, headers: { location: 'https://evil.example/' } } },
      'ERR_UNEXPECTED_STATUS',
    ],
    [{ response: { status: 403, body: '{"message":"Access Denied"}' } }, 'ERR_ACCESS_DENIED'],
    [{ serverCertificate: 'other-name' }, 'ERR_SERVER_NAME_MISMATCH'],
    [{ serverCertificate: 'untrusted' }, 'ERR_SERVER_UNTRUSTED'],
    [{ serverCertificate: 'expired' }, 'ERR_SERVER_CERTIFICATE_DATE'],
    [{ connection: 'refuse' }, 'ERR_CONNECTION_REFUSED'],
    [{ connection: 'no-handshake' }, 'ERR_TIMEOUT'],
    [{ tlsAlert: 'handshake_failure' }, 'ERR_TLS_HANDSHAKE'],
    [{ tlsAlert: 'bad_certificate' }, 'ERR_CLIENT_CERTIFICATE_REFUSED'],
    [{ tlsAlert: 'unknown_ca' }, 'ERR_CLIENT_CERTIFICATE_REFUSED'],
    [{ tlsAlert: 'protocol_version' }, 'ERR_TLS_VERSION'],
    [{ tlsAlert: 'internal_error' }, 'ERR_TLS_HANDSHAKE'],
    // The client keeps credentials by the server's clock.
    [{ clockOffsetMs: -7_200_000 }, 'ok'],
    [{ lifetimeMs: -1000 }, 'ERR_CREDENTIALS_EXPIRED'],
    [{ thingName: 'another-thing', action: 'hang' }, 'ok'],
  ])('%j gives %s', async (fault, code) => {
    aws.faults.add(fault);
    expect(await get(1000)).toBe(code);
  });

  it('of the clock affect the date of the response', async () => {
    const { certificatePem: certificate, privateKeyPem: privateKey } = device;
    const target = { endpoint: aws.credentialsEndpoint, region: aws.region, ca: aws.ca };
    const warnings: string[] = [];
    const logger = {
      debug() {},
      info() {},
      warn: (text: string) => warnings.push(text),
      error() {},
    };
    aws.faults.add({ clockOffsetMs: -7_200_000 });
    const session = createSession({
      ...target,
      ...{ roleAlias: 'the-alias', thingName: 'the-thing', certificate, privateKey, logger },
    });
    await session.credentials();
    expect(warnings).toEqual([
      expect.stringContaining("clock is 120 minutes ahead of the server's"),
    ]);
  });

  it('are applied as often as set, in the order in which they were added', async () => {
    aws.faults.add({ response: { status: 500 }, count: 2 });
    aws.faults.add({ action: 'reset', count: 1, thingName: 'the-thing' });
    const seen = [await get(), await get(), await get(), await get()];
    expect(seen).toEqual(['ERR_SERVICE', 'ERR_SERVICE', 'ERR_CONNECTION_RESET', 'ok']);
    expect(aws.requests.latest.at(-1)?.fault).toBeUndefined();
    expect(aws.requests.latest.at(-2)?.fault).toBe(true);
  });

  it('of connections are counted by connection, and have no record', async () => {
    const before = aws.requests.latest.length;
    aws.faults.add({ tlsAlert: 'internal_error', count: 1 });
    aws.faults.add({ serverCertificate: 'expired', count: 1 });
    aws.faults.add({ connection: 'no-handshake', count: 1 });
    const seen = [await get(), await get(1000), await get()];
    expect(seen).toEqual(['ERR_TLS_HANDSHAKE', 'ERR_TIMEOUT', 'ERR_SERVER_CERTIFICATE_DATE']);
    expect(aws.requests.latest.length).toBe(before);
    expect(await get()).toBe('ok');
  });

  it('refuse connections until they are removed, on the same port', async () => {
    for (let round = 0; round < 3; round++) {
      aws.faults.add({ connection: 'refuse' });
      expect(await get()).toBe('ERR_CONNECTION_REFUSED');
      aws.faults.clear();
      aws.faults.add({ connection: 'refuse' });
      aws.faults.add({ response: { status: 503 } });
      expect(await get()).toBe('ERR_CONNECTION_REFUSED');
      aws.faults.clear();
      expect(await get()).toBe('ok');
    }
  });

  it('refuse connections from the start, and let another program use the port meanwhile', async () => {
    const refusing = await startEmulator({ faults: [{ connection: 'refuse' }] });
    const port = Number(refusing.credentialsEndpoint.split(':')[1]);
    const connectsTo = () =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.on('close', () => resolve('closed')).resume();
          setTimeout(() => resolve('open'), 200);
        });
        socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
      });
    expect(await connectsTo()).toBe('ECONNREFUSED');
    const other = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    refusing.faults.clear();
    expect(await connectsTo()).toBe('closed');
    await new Promise((resolve) => other.close(resolve));
    await expect.poll(connectsTo, { timeout: 5000 }).toBe('open');
    refusing.faults.add({ connection: 'refuse' });
    refusing.faults.clear();
    await refusing.close();
    expect(await connectsTo()).toBe('ECONNREFUSED');
  });

  it('are applied at random, and repeatably for the same seed', async () => {
    const series = async (seed: number) => {
      aws.faults.clear();
      aws.faults.add({ response: { status: 500 }, probability: 0.5, seed });
      const seen: string[] = [];
      for (let i = 0; i < 12; i++) seen.push(await get());
      return seen.join();
    };
    const first = await series(1);
    expect(first).toContain('ok');
    expect(first).toContain('ERR_SERVICE');
    expect(await series(1)).toBe(first);
    expect(await series(2)).not.toBe(first);
  });

  it('throttle requests above a rate', async () => {
    aws.faults.add({ requestsPerSecond: 2 });
    const seen = [await get(), await get(), await get()];
    expect(seen).toEqual(['ok', 'ok', 'ERR_THROTTLED']);
    await expect.poll(get, { timeout: 5000 }).toBe('ok');
  });

  it('count', async () => {
    const before = aws.requests.counters.credentials[429] ?? 0;
    aws.faults.add({ response: { status: 429 }, count: 1 });
    await get();
    expect(aws.requests.counters.credentials[429]).toBe(before + 1);
  });

  it.each<[unknown, RegExp]>([
    [null, /not an object/],
    [{ nap: 5 }, /unknown member "nap"/],
    [{ delayMs: -1 }, /"delayMs" must be/],
    [{ delayMs: '5' }, /"delayMs" must be/],
    [{ probability: 2 }, /"probability"/],
    [{ action: 'explode' }, /"action" must be one of/],
    [{ serverCertificate: 'best' }, /"serverCertificate" must be one of/],
    [{ serverCertificate: 'expired', thingName: 'x' }, /cannot depend on the thing/],
    [{ connection: 'refused' }, /"connection" must be one of refuse, no-handshake/],
    [{ connection: 'no-handshake', thingName: 'x' }, /"connection" cannot depend on the thing/],
    [{ connection: 'refuse', count: 1 }, /neither "count" nor "probability"/],
    [{ connection: 'refuse', probability: 0.5 }, /neither "count" nor "probability"/],
    [{ tlsAlert: 40 }, /"tlsAlert" must be one of handshake_failure/],
    [{ tlsAlert: 'unknown_ca', thingName: 'x' }, /"tlsAlert" cannot depend on the thing/],
    [{ response: {} }, /"response" must have a status/],
    [{ response: { status: 200, headers: { a: 'b\r\nc: d' } } }, /"response.headers"/],
    [{ response: { status: 200, headers: { 'a b': 'x' } } }, /invalid header field: "a b"/],
    [{ response: { status: 200, headers: { a: '€' } } }, /invalid header field/],
  ])('%j is rejected', (fault, message) => {
    expect(() => aws.faults.add(fault as Fault)).toThrow(EmulatorError);
    expect(() => aws.faults.add(fault as Fault)).toThrow(message);
  });
});

describe('control requests', () => {
  const call = (
    method: string,
    what: string,
    headers: Record<string, string> = {},
    body?: string,
  ) =>
    fetch(`${aws.apiEndpoint}/_emulator/${what}`, {
      method,
      headers: { authorization: `Bearer ${aws.controlToken}`, ...headers },
      ...(body !== undefined && { body }),
    });

  it('add, list and clear faults, and return requests and counters', async () => {
    const fault = { response: { status: 500 }, count: 1 };
    expect(await (await call('POST', 'faults', {}, JSON.stringify(fault))).json()).toEqual([fault]);
    expect(await get()).toBe('ERR_SERVICE');
    expect(await (await call('GET', 'faults')).json()).toEqual([fault]);
    expect(await (await call('DELETE', 'faults')).json()).toEqual([]);
    const counters = (await (await call('GET', 'counters')).json()) as typeof aws.requests.counters;
    expect(counters.credentials[500]).toBeGreaterThan(0);
    const requests = (await (await call('GET', 'requests')).json()) as typeof aws.requests.latest;
    expect(requests).toEqual(
      JSON.parse(JSON.stringify(aws.requests.latest.slice(0, requests.length))),
    );
    expect(requests.at(-2)).toMatchObject({ endpoint: 'api', path: '/_emulator/faults' });
  });

  it('refuse connections, and accept them again', async () => {
    const refuse = JSON.stringify({ connection: 'refuse' });
    expect((await call('POST', 'faults', {}, refuse)).status).toBe(200);
    expect(await get()).toBe('ERR_CONNECTION_REFUSED');
    expect((await call('DELETE', 'faults')).status).toBe(200);
    expect(await get()).toBe('ok');
  });

  it('are rejected without the token, from another host, and if they are invalid', async () => {
    expect((await call('GET', 'faults', { authorization: 'Bearer x' })).status).toBe(401);
    expect((await call('GET', 'nonsense')).status).toBe(404);
    expect((await call('POST', 'faults', {}, '{')).status).toBe(400);
    expect((await call('POST', 'faults', {}, '{"nap":1}')).status).toBe(400);
    expect((await call('POST', 'seed', {}, 'null')).status).toBe(400);
    expect((await call('POST', 'seed', {}, '{"thingName":1}')).status).toBe(400);
    const { port } = new URL(aws.apiEndpoint);
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      const headers = { host: 'evil.example', authorization: `Bearer ${aws.controlToken}` };
      request({ port, path: '/_emulator/faults', headers }, (response) =>
        resolve(response.statusCode),
      ).end();
    });
    expect(status).toBe(403);
  });
});
