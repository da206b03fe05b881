import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { RequestBatch } from '../../src/server/control/answers.ts';
import { streamRequests } from '../../src/server/control/stream.ts';
import { openRequestHistory } from '../../src/server/request-history.ts';

const history = openRequestHistory(undefined);
const server = createServer((_, response) => streamRequests(response, {}, history, 0));
await once(server.listen(0, '127.0.0.1'), 'listening');
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

it('a reader that does not read gets the latest requests, and the number of those left out', async () => {
  const { port } = server.address() as AddressInfo;
  const request = get({ port, host: '127.0.0.1' });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.pause();
  // More than the buffers of the connection hold.
  const text = 'x'.repeat(1000);
  const texts = { path: text, reason: text, operation: text, callerArn: text, thingName: text };
  for (let batch = 0; batch < 12; batch++) {
    for (let i = 0; i < 250; i++) {
      history.record({ timeMs: 0, endpoint: 'api', method: 'GET', status: 200, ...texts });
    }
    await sleep(120);
  }
  let waiting = '';
  let dropped = 0;
  const seen: number[] = [];
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const events = (waiting + chunk).split('\n\n');
    waiting = events.pop() ?? '';
    for (const event of events.filter((one) => one.startsWith('data: '))) {
      const batch = JSON.parse(event.slice('data: '.length)) as RequestBatch;
      seen.push(...batch.requests.map(({ sequence }) => sequence));
      dropped += batch.dropped;
    }
  });
  response.resume();
  await expect.poll(() => seen.length + dropped, { timeout: 20_000 }).toBe(3000);
  expect(dropped).toBeGreaterThan(0);
  expect(seen.at(-1)).toBe(3000);
  expect(new Set(seen).size).toBe(seen.length);
  request.destroy();
});
