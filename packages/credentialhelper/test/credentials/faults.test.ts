// Each fault of the emulator, for a session without credentials, with valid ones and with expired ones: what the
// caller sees, and how many requests there are in ten minutes. The same table is in docs/resilience.md.
import type { ChildProcess } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Emulator, Seed } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { FromIotCoreInit } from '../../src/options/options.ts';
import { ROWS, type Row, SLOW_ROWS, SLOWLY, SOON } from '../support/fault-rows.ts';
import { openssl } from '../support/openssl.ts';
import { type Device, type Outage, startOutage } from '../support/outage.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// Thousands of errors are created, and a stack takes longer than all else here.
Error.stackTraceLimit = 1;

// The version of the built child process, which the parent process checks; before it is imported.
vi.hoisted(() => {
  const { version } = process.getBuiltinModule('node:module').createRequire(import.meta.url)(
    '../../package.json',
  );
  Object.assign(globalThis, { PACKAGE_VERSION: version });
});

const TOKEN = 'the-token';
/** The built program of the child process. */
const CHILD = fileURLToPath(new URL('../../dist/token-request-child.js', import.meta.url));

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const NO_NAME = { title: 'a name that does not resolve', code: 'ERR_DNS', ...SOON } as const;
const NO_KEY = { title: 'no such key in the token', code: 'ERR_KEY_NOT_FOUND', ...SLOWLY } as const;

/** The order of the document. */
const TITLES = [NO_NAME, ...SLOW_ROWS, ...ROWS, NO_KEY].map(({ title }) => title);

/** The rows of the document's table that were seen, by title. */
const seen = new Map<string, string>();

/** How a fault begins and ends, and the sessions that it meets. */
interface Play {
  begin(outage: Outage): void;
  end(outage: Outage): void;
  options?(state: string, seed: Seed, aws: Emulator): Partial<FromIotCoreInit>;
}

const playOf = ({ fault }: Row): Play => ({
  begin: ({ aws }) => aws.faults.add(fault),
  end: ({ aws }) => aws.faults.clear(),
});

/** With a short timeout, which only requests during the fault have: this machine may be busy. */
const slowPlayOf = (row: Row): Play => ({
  begin(outage) {
    outage.setTimeoutMs(250);
    playOf(row).begin(outage);
  },
  end(outage) {
    outage.setTimeoutMs(10 * SECOND);
    playOf(row).end(outage);
  },
});

/** The host names that resolve, besides real ones: to the emulators. */
const names = new Set<string>();
const { lookup } = dns;
dns.lookup = ((name: string, options: dns.LookupOptions, done: (...results: unknown[]) => void) => {
  if (!name.endsWith('.amazonaws.com')) return lookup(name, options, done);
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
  setImmediate(() => {
    if (names.has(name)) lookup('127.0.0.1', options, done);
    else done(error);
  });
}) as typeof lookup;
afterAll(() => {
  dns.lookup = lookup;
});

const NAME: Play = {
  begin: ({ aws }) => names.delete(aws.credentialsHostName),
  end: ({ aws }) => names.add(aws.credentialsHostName),
  options(_state, _seed, { credentialsHostName, credentialsEndpoint }) {
    names.add(credentialsHostName);
    return { endpoint: credentialsEndpoint.replace('localhost', credentialsHostName) };
  },
};

/** What the calls of a device gave. */
function outcome({ calls }: Device): string {
  return [...new Set(calls.map(({ error }) => error?.code ?? 'credentials'))].join(', ');
}

/** Ten minutes of a fault for a session in each state, and its end. */
async function tenMinutes(row: Omit<Row, 'fault'>, play: Play, outage: Outage) {
  const { aws, clock, live } = outage;
  const open = (state: string) =>
    outage.open(state, (seed) => play.options?.(state, seed, aws) ?? {});
  const none = await open('none');
  const valid = await open('valid');
  const expired = await open('expired');
  // Of an hour each. Ten minutes remain of the valid ones: their refresh is due.
  await expired.source.credentials();
  await clock.pass(20 * MINUTE);
  await valid.source.credentials();
  await clock.pass(50 * MINUTE);
  const devices = [none, valid, expired];
  const beganMs = clock.now();
  const before = devices.map(({ fetches }) => fetches);
  const requestsOf = (index: number) => (devices[index]?.fetches ?? 0) - (before[index] ?? 0);

  play.begin(outage);
  // The next second would be the first one of the eleventh minute.
  await live(599, devices);
  const requests = devices.map((_, index) => requestsOf(index));
  const outcomes = devices.map(outcome);
  const texts = outcomes.map((text) => (text === 'credentials' ? text : `\`${text}\``));
  seen.set(row.title, `| ${[row.title, ...texts, ...new Set(requests)].join(' | ')} |`);
  expect(outcomes).toEqual([row.code, 'credentials', row.code]);
  expect(requests).toEqual([row.requests, row.requests, row.requests]);
  for (const { atMs, endMs, expiration } of valid.calls) {
    expect(endMs, 'the wait of a caller').toBe(atMs);
    expect(Number(expiration)).toBeGreaterThan(endMs);
  }

  const nextMs = devices.map(({ source }) => Number(source.stats().nextFetch));
  const endedMs = clock.now();
  play.end(outage);
  if (row.code === 'credentials') return;
  for (const { calls } of [none, expired]) {
    const { error } = calls.at(-1) ?? {};
    const since = new Date(beganMs).toISOString();
    const next = error?.retryAt?.toISOString();
    expect(error?.message).toContain(` tries since ${since}, the next not before ${next}`);
    expect(Number(error?.retryAt)).toBeGreaterThan(endedMs - row.longest * SECOND);
  }
  // Back with the next request, which is at most one step away.
  const lastMs = Math.max(...nextMs);
  expect(lastMs).toBeLessThanOrEqual(endedMs + row.longest * SECOND);
  await live((lastMs - endedMs) / SECOND + 2, devices);
  for (const [index, { source, calls }] of devices.entries()) {
    expect(requestsOf(index)).toBe(row.requests + 1);
    expect(source.expiration()).toEqual(calls.at(-1)?.expiration);
    expect(Number(source.expiration())).toBeGreaterThan(endedMs + 59 * MINUTE);
  }
}

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken(TOKEN);

/** The child processes of this process, by the path of their Node.js. */
const children: ChildProcess[] = [];
channel('child_process').subscribe((message) => {
  children.push((message as { process: ChildProcess }).process);
});
const nodeOf = (state: string) => join(folder, `node-${state}`);

/** Keys in a token, which are deleted and come back. Each state has a Node.js of its own, so that children can be told apart. */
function tokenPlay(): Play {
  const keys = new Map<string, { readonly id: string; readonly file: string }>();
  const importKeys = () => {
    for (const [label, key] of keys) softHsm.importKey({ token: TOKEN, label, ...key });
  };
  return {
    options(state, { privateKeyPem }) {
      const file = join(folder, `${state}.pem`);
      writeFileSync(`${file}-1`, privateKeyPem, { mode: 0o600 });
      openssl('pkcs8', '-topk8', '-nocrypt', '-in', `${file}-1`, '-out', file);
      const key = { id: `0${keys.size}`, file };
      keys.set(state, key);
      softHsm.importKey({ token: TOKEN, label: state, ...key });
      symlinkSync(process.execPath, nodeOf(state));
      return {
        privateKey: undefined,
        pkcs11: {
          library: SOFTHSM_LIBRARY,
          userPin: PIN,
          tokenLabel: TOKEN,
          privateKeyLabel: state,
          isolate: { node: nodeOf(state), program: CHILD },
        },
      } as Partial<FromIotCoreInit>;
    },
    begin() {
      children.length = 0;
      for (const state of keys.keys()) {
        for (const type of ['privkey', 'pubkey']) {
          pkcs11Tool(TOKEN, '--delete-object', '--type', type, '--label', state);
        }
      }
    },
    end() {
      for (const state of keys.keys()) {
        const started = children.filter(({ spawnfile }) => spawnfile === nodeOf(state));
        expect(started.length).toBeGreaterThan(0);
        expect(started.length).toBeLessThanOrEqual(4);
      }
      importKeys();
    },
  };
}

describe.concurrent('ten minutes of', () => {
  it.each(SLOW_ROWS)('$title', async (row) => {
    await tenMinutes(row, slowPlayOf(row), await startOutage());
  });

  it('a key that the token does not have', async () => {
    await tenMinutes(NO_KEY, tokenPlay(), await startOutage());
  });

  it('a name that does not resolve', async () => {
    await tenMinutes(NO_NAME, NAME, await startOutage());
  });

  it.each(ROWS)('$title', async (row) => {
    const outage = await startOutage();
    await tenMinutes(row, playOf(row), outage);
    const things = new Map<string | undefined, number>();
    for (const { thingName, fault } of outage.aws.requests.latest) {
      if (fault) things.set(thingName, (things.get(thingName) ?? 0) + 1);
    }
    // The emulator counts the same requests, unless none came through.
    if (things.size > 0) expect([...things.values()]).toEqual(Array(3).fill(row.requests));
  });
});

describe('docs/resilience.md', () => {
  const text = readFileSync(new URL('../../../../docs/resilience.md', import.meta.url), 'utf8');

  it('has the table of what was seen', () => {
    const [, table = ''] = /^## Each fault\n.*?\n\| --- .*?\n(.*?)\n\n/ms.exec(text) ?? [];
    expect(table.split('\n')).toEqual(TITLES.map((title) => seen.get(title)));
  });
});
