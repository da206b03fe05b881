import { once } from 'node:events';
import { Agent, type RequestOptions, request } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
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

  /** Sends a request; resolves with whether it got credentials. */
  const send = (agent: Agent, options: RequestOptions = {}) => {
    const { certificatePem: cert, privateKeyPem: key } = device;
    const [host, port] = aws.credentialsEndpoint.split(':');
    const path = '/role-aliases/the-alias/credentials';
    const headers = { 'x-amzn-iot-thingname': 'the-thing' };
    return new Promise<boolean>((resolve) => {
      request(
        { host, port, path, ca: aws.ca, cert, key, headers, agent, ...options },
        (response) => {
          response
            .resume()
            .on('end', () => resolve(response.statusCode === 200))
            .on('error', () => resolve(false));
        },
      )
        .on('error', () => resolve(false))
        .end();
    });
  };

  const HTTP_2: RequestOptions & Pick<ConnectionOptions, 'ALPNProtocols'> = {
    ALPNProtocols: ['h2', 'http/1.1'],
  };
  describe.each<[string, () => Agent, RequestOptions]>([
    ['kept connections', () => new Agent({ keepAlive: true, maxSockets: 3 }), {}],
    ['resumed TLS sessions', () => new Agent({ maxCachedSessions: 10 }), { maxVersion: 'TLSv1.2' }],
    ['offers of HTTP/2', () => new Agent(), HTTP_2],
  ])('with %s', (_how, createAgent, options) => {
    it.each<Fault>([
      { connection: 'no-handshake', count: 1 },
      { tlsAlert: 'internal_error', count: 1 },
      { serverCertificate: 'untrusted', count: 1 },
      { action: 'hang', count: 1 },
      { action: 'reset', count: 1 },
      { action: 'truncate', count: 1 },
      { response: { status: 503 }, count: 1 },
      { response: { status: 503 }, delayMs: 50, count: 1 },
    ])('%j is applied to one of six requests at once, and leaves the list', async (fault) => {
      const agent = createAgent();
      aws.faults.add(fault);
      const seen: boolean[] = [];
      const six = Array.from({ length: 6 }, async () => seen.push(await send(agent, options)));
      const hangs = fault.action === 'hang' || fault.connection !== undefined;
      if (hangs) {
        // One never ends; it may hold others of its connection back.
        await expect.poll(() => aws.faults.list()).toEqual([]);
        await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(5);
        agent.destroy();
      }
      await Promise.all(six);
      expect(seen.filter((isOk) => !isOk)).toHaveLength(1);
      expect(aws.faults.list()).toEqual([]);
      expect(await send(createAgent(), options)).toBe(true);
    });
  });

  it('of connections are not used up by a client that only tries the port', async () => {
    aws.faults.add({ tlsAlert: 'internal_error', count: 1 });
    const port = Number(aws.credentialsEndpoint.split(':')[1]);
    for (let i = 0; i < 3; i++) {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    }
    aws.faults.add({ serverCertificate: 'expired', count: 1 });
    expect([await get(), await get(), await get()]).toEqual([
      'ERR_TLS_HANDSHAKE',
      'ERR_SERVER_CERTIFICATE_DATE',
      'ok',
    ]);
  });

  it('reset the connection that they are meant for, not another from the same port', async () => {
    const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port: localPort } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const [one, other] = agents.map((agent, i) => () => {
      return send(agent, { family: 4, localAddress: `127.0.0.${i + 1}`, localPort });
    });
    expect([await one?.(), await other?.()]).toEqual([true, true]);
    aws.faults.add({ action: 'reset', count: 1 });
    expect([await one?.(), await other?.()]).toEqual([false, true]);
    for (const agent of agents) agent.destroy();
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
    expect(await (await call('POST', 'faults', {}, JSON.stringify(fault))).json()).toEqual([
      { id: expect.any(String), ...fault },
    ]);
    expect(await get()).toBe('ERR_SERVICE');
    // It is used up.
    expect(await (await call('GET', 'faults')).json()).toEqual([]);
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
