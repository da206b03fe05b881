import { sharedQueue } from '../../credentials/shared-queue.ts';
import { type CredentialSource, createSource } from '../../credentials/source.ts';
import { checkOptions, type Settings } from '../../options/options.ts';
import { whileRunning } from '../../process/ending.ts';
import { setImmediate } from '../../process/timers.ts';
import { createQueue } from '../../refresh/queue.ts';
import { ServedThing } from '../../server/thing.ts';
import { ofThing, optionsOfThings, type SessionFlags } from '../session/flags.ts';

/** A thing that is served, with its settings. */
export interface Entry {
  readonly thing: ServedThing;
  readonly settings: Settings;
  /** The settings as text, which differs if they change. */
  readonly version: string;
}

/** Things of the settings that were just read. */
export interface ReadThings {
  /** Whether they are those of a file of many. */
  readonly isMany: boolean;
  readonly entries: readonly Entry[];
  /**
   * Serves these things. Those whose settings have changed keep their credentials until there are new ones; those that are
   * not among them end.
   */
  commit(): void;
}

interface Plan {
  readonly entry: Entry;
  /** The source for a thing whose settings have changed. */
  readonly next?: CredentialSource | undefined;
}

/** The most requests to the credential provider at a time, as in a fleet. */
const MAX_CONCURRENT = 32;

/** The things of the settings. */
export class Things {
  readonly #flags: SessionFlags;
  readonly #queue = createQueue(MAX_CONCURRENT, whileRunning);
  #isMany = false;
  #entries: readonly Entry[] = [];

  constructor(flags: SessionFlags) {
    this.#flags = flags;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /**
   * Reads the settings, at first and again. Nothing changes until the result is committed.
   *
   * @throws errors of the settings, and of certificates and keys
   */
  async read(): Promise<ReadThings> {
    const before = new Map(this.#entries.map((entry) => [entry.thing.name, entry]));
    const options = await optionsOfThings(this.#flags);
    const isMany = !options.has(undefined);
    const plans: Plan[] = [];
    for (const [given, init] of options) {
      const version = JSON.stringify(init);
      const settings = ofThing(given, () => checkOptions({ ...init, keepFresh: true }));
      const shared = isMany ? sharedQueue(this.#queue, settings) : undefined;
      const create = () => ofThing(given, () => createSource(settings, shared));
      const name = settings.thingName ?? '';
      const known = before.get(name);
      before.delete(name);
      if (known === undefined) {
        plans.push({ entry: { thing: new ServedThing(name, create()), settings, version } });
      } else {
        const isSame = known.version === version && isMany === this.#isMany;
        plans.push({
          entry: { thing: known.thing, settings, version },
          next: isSame ? undefined : create(),
        });
      }
      // Reading the keys of many things would block the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const commit = () => {
      this.#isMany = isMany;
      this.#entries = plans.map(({ entry }) => entry);
      for (const { entry, next } of plans) if (next !== undefined) entry.thing.replace(next);
      for (const { thing } of before.values()) void thing.close();
    };
    return { isMany, entries: plans.map(({ entry }) => entry), commit };
  }

  /** Fetches the first credentials of new things in the background. */
  start(): void {
    for (const { thing } of this.#entries) thing.start();
  }

  /** Tries again for things that have no valid credentials. */
  retry(): void {
    for (const { thing } of this.#entries) thing.retry();
  }

  /** Stops waiting for fetches. What is fetched meanwhile is discarded with this process. */
  abandon(): void {
    for (const { thing } of this.#entries) thing.abandon();
  }
}
