import { sharedQueue } from './credentials/shared-queue.ts';
import { createSource } from './credentials/source.ts';
import { CredentialHelperError } from './errors.ts';
import {
  checkFleetOptions,
  checkThingOptions,
  type FleetInit,
  type FleetSettings,
  type ThingInit,
} from './options/fleet-options.ts';
import { regionFor } from './options/region.ts';
import { whileRunning } from './process/ending.ts';
import { monotonicMs, setImmediate } from './process/timers.ts';
import { createQueue } from './refresh/queue.ts';
import { type Session, SourceSession } from './session.ts';

/** Sessions for many things. */
export interface Fleet {
  /** The AWS region: from the options, the endpoint or the environment. */
  readonly region: string;
  /** The sessions, by the name of their things, in the order in which they were added. */
  readonly sessions: ReadonlyMap<string, Session>;
  /** The number of requests that are running and waiting for their turn. */
  readonly requests: { readonly running: number; readonly waiting: number };
  /**
   * Adds a thing: reads its certificate and key, and returns its session, which works like that of `createSession`.
   * Closing the session removes the thing. The event loop is not blocked, however many things are added at once.
   *
   * @throws {@link CredentialHelperError} (as a rejection) for invalid options (`ERR_INVALID_OPTION`, also if the fleet
   * has the thing already; `ERR_KEY_SOURCE`), unreadable files, and a key that does not belong to the certificate;
   * `ERR_SESSION_CLOSED` if the fleet was closed
   */
  add(thing: ThingInit): Promise<Session>;
  /** Closes all sessions, see `Session.close`. Does not throw. */
  close(): Promise<void>;
  /** Same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Creates sessions for many things that share endpoint, CA and limits, such as those of a gateway.
 *
 * At most `maxConcurrent` requests are sent at a time. The others wait for their turn: first those that a call waits
 * for, then refreshes in the background. Refreshes are spread evenly over the lifetime of the credentials. A thing
 * whose requests fail does not affect the others.
 *
 * @example
 * ```ts
 * const fleet = createFleet({
 *   endpoint: 'abc123.credentials.iot.eu-west-1.amazonaws.com',
 *   roleAlias: 'my-role-alias',
 *   keepFresh: true,
 * });
 * const session = await fleet.add({
 *   thingName: 'my-thing',
 *   certificate: 'my-thing-cert.pem',
 *   privateKey: 'my-thing-key.pem',
 * });
 * const sts = new STSClient(session);
 * ```
 *
 * @throws {@link CredentialHelperError} for invalid options (`ERR_INVALID_OPTION`, `ERR_DATA_ENDPOINT`,
 * `ERR_REGION_UNKNOWN`)
 */
export function createFleet(init: FleetInit): Fleet {
  return new QueuedFleet(checkFleetOptions(init));
}

class QueuedFleet implements Fleet {
  readonly region: string;
  readonly #settings: FleetSettings;
  readonly #queue;
  readonly #sessions = new Map<string, Session>();
  readonly #pace = createPace();
  #isClosed = false;

  constructor(settings: FleetSettings) {
    const region = regionFor(settings);
    this.region = region.name;
    this.#settings = { ...settings, region };
    this.#queue = createQueue(settings.maxConcurrent, whileRunning);
  }

  get sessions(): ReadonlyMap<string, Session> {
    return this.#sessions;
  }

  get requests() {
    const { running, waiting } = this.#queue;
    return { running, waiting };
  }

  async add(thing: ThingInit): Promise<Session> {
    await this.#pace();
    if (this.#isClosed) throw closed();
    const settings = checkThingOptions(thing, this.#settings);
    const { thingName } = settings;
    if (this.#sessions.has(thingName)) {
      throw new CredentialHelperError(`the fleet already has the thing "${thingName}"`, {
        code: 'ERR_INVALID_OPTION',
        hint: 'close its session first: it removes the thing',
      });
    }
    const source = createSource(settings, sharedQueue(this.#queue, settings));
    const session: Session = new SourceSession(this.region, source, () => {
      // The thing may have been added again since.
      if (this.#sessions.get(thingName) === session) this.#sessions.delete(thingName);
    });
    this.#sessions.set(thingName, session);
    if (settings.keepFresh) source.prefetch();
    return session;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closed(): CredentialHelperError {
  return new CredentialHelperError('the fleet was closed', {
    code: 'ERR_SESSION_CLOSED',
    hint: 'create another',
  });
}

/** How long things are added without a break, in milliseconds. */
const SLICE_MS = 5;

/** Creates a function to await before each piece of work, so that all of them together do not block the event loop. */
function createPace(): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let sliceEndsMs = Number.NEGATIVE_INFINITY;
  return () => {
    last = last.then(async () => {
      if (monotonicMs() < sliceEndsMs) return;
      await new Promise((resolve) => setImmediate(resolve));
      sliceEndsMs = monotonicMs() + SLICE_MS;
    });
    return last;
  };
}
