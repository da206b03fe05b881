import { channel } from 'node:diagnostics_channel';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { redirectOutput } from '../../src/cli/output.ts';
import { type Summary, watchStates } from '../../src/cli/serve/states.ts';
import type { CredentialSource } from '../../src/credentials/source.ts';
import { CredentialHelperError } from '../../src/errors.ts';
import { ServedThing } from '../../src/server/thing.ts';
import { fakeServed } from '../support/local-server.ts';

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  redirectOutput((_stream, text) => printed.push(text));
});
afterAll(() => redirectOutput((stream, text) => process[stream].write(text)));

/** A thing whose next fetch a test sets. */
function thingWith(name: string) {
  const served = fakeServed();
  const times: { nextFetch: Date | undefined } = { nextFetch: undefined };
  const source = {
    current: () => served.current(),
    failure: () => served.failure(),
    stats: () => ({ fetches: 1, failures: {}, ...times }),
  } as unknown as CredentialSource;
  return { served, times, thing: new ServedThing(name, source) };
}

const MINUTE_MS = 60_000;
const exchangeEnded = () =>
  channel('tracing:awsiot-credentialhelper:exchange:asyncEnd').publish({});

it('refreshes hang if a fetch is overdue for long and none ends', () => {
  const { thing, times } = thingWith('thing');
  let nowMs = 0;
  const states = watchStates(
    () => [thing],
    () => {},
    () => nowMs,
  );
  const after = (minutes: number) => {
    nowMs += minutes * MINUTE_MS;
    states.check();
    return states.isStuck;
  };
  times.nextFetch = new Date(Date.now() + 1e6);
  expect(after(60)).toBe(false);
  times.nextFetch = new Date(Date.now() - 1000);
  expect(after(14)).toBe(false);
  // Another thing had its turn.
  exchangeEnded();
  expect(after(14)).toBe(false);
  expect(after(2)).toBe(true);
  exchangeEnded();
  expect(after(0)).toBe(false);
  // Nothing is due by itself, as after a wrong PIN.
  times.nextFetch = undefined;
  expect(after(600)).toBe(false);
  states.close();
});

it('a server is ready when a thing has credentials, and the others were tried', () => {
  const one = thingWith('one');
  const two = thingWith('two');
  const summaries: Summary[] = [];
  const states = watchStates(
    () => [one.thing, two.thing],
    (summary) => summaries.push(summary),
  );
  const { credentials } = one.served;
  const look = () => {
    states.check();
    return summaries.at(-1);
  };
  one.served.credentials = undefined;
  two.served.credentials = undefined;
  one.served.error = new CredentialHelperError('no answer', { code: 'ERR_TIMEOUT', hint: 'wait' });
  expect(look()?.isReady).toBe(false);
  two.served.credentials = credentials;
  expect(look()).toEqual({
    isReady: true,
    text: '1 of 2 things have valid credentials; one: ERR_TIMEOUT: no answer (wait)',
  });
  one.served.credentials = credentials;
  expect(look()?.text).toBe('2 of 2 things have valid credentials');
  one.served.error = undefined;
  look();
  look();
  const ends = credentials?.expiration.toISOString();
  expect(printed.map((line) => line.replace('awsiot-credentialhelper: ', ''))).toEqual([
    'warning: thing "one": there are no valid credentials: ERR_TIMEOUT: no answer (wait)\n',
    'warning: thing "two": there are no valid credentials: they expired\n',
    'info: thing "two": credentials are available, and will be refreshed\n',
    `warning: thing "one": refreshing the credentials failed, the current ones are valid until ${ends}: ERR_TIMEOUT: no answer (wait)\n`,
    'info: thing "one": credentials are available, and will be refreshed\n',
  ]);
  states.close();
});
