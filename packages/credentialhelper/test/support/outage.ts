// Sessions whose requests are real, over TLS to an emulator, and whose clock only the test moves.
import { channel } from 'node:diagnostics_channel';
import { type Emulator, type Seed, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll } from 'vitest';
import { type CredentialSource, createSource } from '../../src/credentials/source.ts';
import type { CredentialHelperError } from '../../src/errors.ts';
import { checkOptions, type FromIotCoreInit, type Settings } from '../../src/options/options.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** What a call for credentials gave. */
export interface Call {
  /** When it was made and when it ended, by the fake clock. */
  readonly atMs: number;
  readonly endMs: number;
  readonly expiration?: Date;
  readonly error?: CredentialHelperError;
}

/** A session, with one caller. */
export interface Device {
  readonly seed: Seed;
  readonly source: CredentialSource;
  /** The calls that ended. */
  readonly calls: Call[];
  /** The number of fetches that were begun. */
  readonly fetches: number;
  /** Calls for credentials, unless the last call is pending. */
  call(): void;
}

/** An emulator and its devices, on one fake clock. */
export interface Outage {
  readonly aws: Emulator;
  readonly clock: FakeClock;
  /** Creates a thing, and a session with its key; options replace those of a session with a key in memory. */
  open(name: string, options?: (seed: Seed) => Partial<FromIotCoreInit>): Promise<Device>;
  /** The timeout of requests, in milliseconds of the real clock, of all devices that were opened. */
  setTimeoutMs(timeoutMs: number): void;
  /** Lets seconds pass; at the start of each, the caller of each device calls. */
  live(seconds: number, devices: readonly Device[]): Promise<void>;
}

const counts = new Map<string | undefined, { begun: number; ended: number }>();

function countOf(thingName: string | undefined) {
  const count = counts.get(thingName) ?? { begun: 0, ended: 0 };
  counts.set(thingName, count);
  return count;
}

type Context = { readonly thingName?: string };
channel('tracing:awsiot-credentialhelper:exchange:start').subscribe((context) => {
  countOf((context as Context).thingName).begun++;
});
channel('tracing:awsiot-credentialhelper:exchange:asyncEnd').subscribe((context) => {
  countOf((context as Context).thingName).ended++;
});

let outages = 0;

const running: Emulator[] = [];
// Registered here: within a test it would be too late.
afterAll(() => Promise.all(running.map((aws) => aws.close())));

/** How long a caller waits for a retry: the default for the default timeout, in milliseconds. */
const MAX_WAIT_MS = 12_000;

/** Starts an emulator, which is stopped after the tests of the file. The random part of each interval is 0, which gives the most requests. */
export async function startOutage(): Promise<Outage> {
  const prefix = `outage-${++outages}`;
  const opened: { timeoutMs: number }[] = [];
  const names: string[] = [];
  const clock = createFakeClock(Date.now(), async () => {
    const isFetching = () => names.some((name) => countOf(name).begun > countOf(name).ended);
    do {
      // Of the fetches; and of the callers, who get errors in the next iteration of the event loop.
      while (isFetching()) await new Promise((resolve) => setTimeout(resolve, 2));
      for (let tick = 0; tick < 3; tick++) await new Promise((resolve) => setImmediate(resolve));
    } while (isFetching());
  });
  const { now } = clock;
  const aws = await startEmulator({ clock });
  running.push(aws);
  return {
    aws,
    clock,
    async open(name, more = () => ({})) {
      const thingName = `${prefix}-${name}`;
      names.push(thingName);
      const seed = await aws.seed({ thingName, roleAlias: 'the-alias', keyType: 'EC-P256' });
      const init = {
        endpoint: aws.credentialsEndpoint,
        region: aws.region,
        roleAlias: 'the-alias',
        thingName,
        certificate: seed.certificatePem,
        privateKey: seed.privateKeyPem,
        ca: aws.ca,
        maxWaitMs: MAX_WAIT_MS,
        ...more(seed),
      } as FromIotCoreInit;
      // A copy, whose timeout may change between two requests.
      const settings = { ...checkOptions(init) } satisfies Settings;
      opened.push(settings);
      const source = createSource(settings, undefined, {
        now,
        wallMs: now,
        after: clock.after,
        random: () => 0,
      });
      const calls: Call[] = [];
      let isPending = false;
      return {
        seed,
        source,
        calls,
        get fetches() {
          return countOf(thingName).begun;
        },
        call() {
          if (isPending) return;
          isPending = true;
          const atMs = now();
          const end = (result: Pick<Call, 'expiration' | 'error'>) => {
            isPending = false;
            calls.push({ atMs, endMs: now(), ...result });
          };
          source.credentials().then(
            ({ expiration }) => end({ expiration }),
            (error) => end({ error }),
          );
        },
      };
    },
    setTimeoutMs(timeoutMs) {
      for (const settings of opened) settings.timeoutMs = timeoutMs;
    },
    async live(seconds, devices) {
      for (let second = 0; second < seconds; second++) {
        for (const device of devices) device.call();
        await clock.pass(1000);
      }
    },
  };
}
