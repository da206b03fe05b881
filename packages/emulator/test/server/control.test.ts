import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, type RequestRecord, type Seed, startEmulator } from '../../src/index.ts';
import type {
  IssuedAnswer,
  RequestBatch,
  ThingAnswer,
  ThingsAnswer,
} from '../../src/server/control/answers.ts';
import { requestCredentials } from '../support/request-credentials.ts';

let aws: Emulator;
let device: Seed;
beforeAll(async () => {
  aws = await startEmulator();
  device = await aws.seed({ thingName: 'press-1', roleAlias: 'plant' });
});
afterAll(() => aws.close());

const call = (path: string, init: RequestInit = {}) =>
  fetch(`${aws.apiEndpoint}/_emulator/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${aws.controlToken}`, ...init.headers },
  });
const read = async <T>(path: string) => (await (await call(path)).json()) as T;

/** The status of a request with these headers: `fetch` cannot set them. */
function statusWith(path: string, headers: Record<string, string>): Promise<number | undefined> {
  const { port } = new URL(aws.apiEndpoint);
  return new Promise((resolve, reject) => {
    const sent = request({ port, path: `/_emulator/${path}`, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject).end();
  });
}

describe('requests of web pages', () => {
  it.each([
    ['no Origin', 200, {}],
    ['localhost', 200, { host: 'localhost:PORT' }],
    ['the same Origin', 200, { origin: 'http://127.0.0.1:PORT' }],
    ['another Origin', 403, { origin: 'http://evil.example' }],
    ['the Origin of another port', 403, { origin: 'http://127.0.0.1:1' }],
    ['an Origin with TLS', 403, { origin: 'https://127.0.0.1:PORT' }],
    ['an opaque Origin', 403, { origin: 'null' }],
    ['the name of another host', 403, { host: 'evil.example:PORT' }],
    ['a name that begins like this host', 403, { host: '127.0.0.1.evil.example:PORT' }],
    ['another port', 403, { host: '127.0.0.1:1' }],
    ['another name and Origin, both the same', 403, { host: 'e:PORT', origin: 'http://e:PORT' }],
  ])('with %s: %s', async (_, status, headers) => {
    const { port, host: own } = new URL(aws.apiEndpoint);
    const sent = Object.fromEntries(
      Object.entries({ host: own, ...headers }).map(([name, value]) => [
        name,
        value.replace('PORT', port),
      ]),
    );
    expect(await statusWith('console/', sent)).toBe(status);
    const authorization = `Bearer ${aws.controlToken}`;
    expect(await statusWith('faults', { ...sent, authorization })).toBe(status);
    expect(await statusWith('requests/stream', { ...sent, authorization })).toBe(status);
  });

  it('get no data without the token', async () => {
    for (const path of ['things', 'requests/stream', 'explain', 'account', 'credentials']) {
      expect((await call(path, { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    }
  });

  it.each(['console/', 'console/console.js', 'console/console.css', 'faults'])(
    'get %s with a policy that permits nothing from elsewhere',
    async (path) => {
      const { headers, status } = await call(path);
      expect(status).toBe(200);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cache-control')).toBe('no-store');
    },
  );

  it.each(['console/main.tsx', 'console/..%2findex.js', 'console//', 'console/__proto__'])(
    'get no other file: %s',
    async (path) => {
      expect(await statusWith(path, { host: new URL(aws.apiEndpoint).host })).toBe(404);
    },
  );
});

describe('things', () => {
  beforeAll(() => {
    for (let i = 0; i < 120; i++) {
      aws.iot.createThing({ thingName: `sensor-${String(i).padStart(3, '0')}` });
    }
  });

  it('are listed in pages, in the order of their names, each once', async () => {
    const names: string[] = [];
    let page: ThingsAnswer = { things: [], total: 0 };
    do {
      const after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`;
      page = await read<ThingsAnswer>(`things?limit=50${after}`);
      expect(page.things.length).toBeLessThanOrEqual(50);
      names.push(...page.things.map(({ thingName }) => thingName));
    } while (page.next !== undefined);
    expect(names).toEqual(aws.iot.listThings());
    expect(page.total).toBe(121);
  });

  it('are found by a part of their name, whatever its case', async () => {
    const { things, total, next } = await read<ThingsAnswer>('things?search=SENSOR-11');
    expect(things).toHaveLength(10);
    expect({ total, next }).toEqual({ total: 10, next: undefined });
  });

  it.each(['limit=0', 'limit=251', 'limit=x', 'limit=1&limit=2', 'limit='])(
    'are not listed with %s',
    async (query) => {
      const response = await call(`things?${query}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'InvalidRequestException' });
    },
  );

  it('are described with certificates, groups and policies, and without keys', async () => {
    const { iot } = aws;
    iot.createThingGroup({ thingGroupName: 'plants' });
    iot.createThingGroup({ thingGroupName: 'hall', parentGroupName: 'plants' });
    iot.addThingToThingGroup({ thingName: 'press-1', thingGroupName: 'hall' });
    const { thingGroupArn: target } = iot.describeThingGroup({ thingGroupName: 'plants' });
    iot.attachPolicy({ policyName: device.policyName, target });
    const text = await (await call('things/press-1')).text();
    const thing = JSON.parse(text) as ThingAnswer;
    const policies = [expect.objectContaining({ policyName: device.policyName })];
    expect(thing).toMatchObject({
      thingName: 'press-1',
      certificates: [{ certificateId: device.certificateId, status: 'ACTIVE', policies }],
      groups: [
        { thingGroupName: 'plants', isDirect: false, policies },
        { thingGroupName: 'hall', isDirect: true, policies: [] },
      ],
    });
    expect(thing.certificates[0]?.expirationMs).toBeGreaterThan(Date.now());
    expect(text).not.toContain('PRIVATE');
  });

  it('with a colon in the name are described, and none that does not exist', async () => {
    aws.iot.createThing({ thingName: 'a:b' });
    expect(await read<ThingAnswer>('things/a%3Ab')).toMatchObject({ thingName: 'a:b' });
    for (const name of ['nobody', 'constructor', '__proto__', '']) {
      expect((await call(`things/${name}`)).status).toBe(404);
    }
    expect((await call('things/%')).status).toBe(400);
  });
});

describe('the request log', () => {
  const readBatch = async (after: number, least: number) => {
    const controller = new AbortController();
    const response = await call(`requests/stream?after=${after}`, { signal: controller.signal });
    const found: RequestRecord[] = [];
    let dropped = 0;
    let text = '';
    for await (const part of response.body ?? []) {
      text += Buffer.from(part as Uint8Array).toString();
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        // Others are comments.
        if (!event.startsWith('data: ')) continue;
        const batch = JSON.parse(event.slice('data: '.length)) as RequestBatch;
        found.push(...batch.requests);
        dropped += batch.dropped;
      }
      if (found.length + dropped >= least) break;
    }
    controller.abort();
    return { found, dropped };
  };
  const last = () => aws.requests.latest.at(-1)?.sequence ?? 0;

  it('is read in parts', async () => {
    for (let i = 0; i < 3; i++) await requestCredentials(aws, device);
    const after = last() - 3;
    const part = await read<readonly RequestRecord[]>(`requests?after=${after}&limit=2`);
    expect(part.map(({ sequence }) => sequence)).toEqual([after + 1, after + 2]);
    expect((await call('requests?after=-1')).status).toBe(400);
  });

  it('is sent live: all requests, each once, in their order', async () => {
    const after = last();
    const reading = readBatch(after, 30);
    for (let i = 0; i < 10; i++) {
      await Promise.all([1, 2, 3].map(() => requestCredentials(aws, device)));
    }
    const { found, dropped } = await reading;
    expect(dropped).toBe(0);
    const numbers = found.map(({ sequence }) => sequence);
    expect(numbers).toEqual(numbers.map((_, index) => after + 1 + index));
  });

  it('is sent with the number of requests left out, to a reader that is behind', async () => {
    for (let i = 0; i < 30; i++) {
      await Promise.all(Array.from({ length: 10 }, () => call('nonsense')));
    }
    const { found, dropped } = await readBatch(0, 1);
    expect(found).toHaveLength(250);
    expect(found[0]?.sequence).toBe(dropped + 1);
  });

  it('has time, effect of faults, and what was issued, without secrets', async () => {
    aws.faults.add({ delayMs: 20, count: 1 });
    aws.faults.add({
      response: { status: 200, body: 'a secret', headers: { x: 'a secret' } },
      count: 1,
    });
    const after = last();
    const { secretAccessKey, sessionToken, accessKeyId } = await requestCredentials(aws, device);
    await requestCredentials(aws, device);
    aws.faults.clear();
    const [delayed, replaced] = await read<readonly RequestRecord[]>(`requests?after=${after}`);
    expect(delayed).toMatchObject({ fault: true, faultEffect: 'delayMs 20' });
    expect(delayed?.durationMs).toBeGreaterThanOrEqual(20);
    expect(delayed?.issued).toMatchObject({ accessKeyId, roleName: device.roleName });
    expect(replaced).toMatchObject({ faultEffect: 'response 200' });
    expect(replaced?.issued).toBeUndefined();
    const { requests } = await read<IssuedAnswer>('credentials?limit=1');
    expect(requests).toEqual([delayed]);
    const text = JSON.stringify(aws.requests);
    for (const secret of [secretAccessKey, sessionToken, 'a secret']) {
      expect(text.includes(secret ?? '')).toBe(false);
    }
  });

  it('does not contain the requests of the console', async () => {
    const after = last();
    await call('console/');
    await call('things', { headers: { 'sec-fetch-site': 'same-origin' } });
    expect(last()).toBe(after);
    await call('things');
    expect(last()).toBe(after + 1);
  });
});
