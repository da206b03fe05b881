import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isCredentialHelperError } from '../../errors.ts';
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
} from '../../process/timers.ts';
import type { ServedThing } from '../../server/thing.ts';
import { printLine } from '../output.ts';

/** How the things of a server are. */
export interface Summary {
  /** Whether a thing has valid credentials, and each other thing was tried. */
  readonly isReady: boolean;
  /** One line for people. */
  readonly text: string;
}

/** Observes things: writes a line to stderr for each change of the state of one. */
export interface States {
  /** Looks at the things now. */
  check(): void;
  /** Whether no exchange ends although one is due: the refreshes hang. */
  readonly isStuck: boolean;
  /** Stops. */
  close(): void;
}

type State = 'pending' | 'valid' | 'failing' | 'invalid';

const ENDED = 'tracing:awsiot-credentialhelper:exchange:asyncEnd';

/** Many exchanges may end together. */
const AFTER_EXCHANGE_MS = 100;

/** Credentials also expire without an exchange. */
const LOOK_MS = 10_000;

/** How long a fetch may be overdue without any exchange; longer than any timeout, and than the pause of a timer. */
const STUCK_MS = 15 * 60_000;

/**
 * Starts to observe things.
 *
 * @param onSummary - called after each look at the things
 * @param now - a monotonic clock, in milliseconds
 */
export function watchStates(
  things: () => readonly ServedThing[],
  onSummary: (summary: Summary) => void,
  now: () => number = monotonicMs,
): States {
  let states = new Map<ServedThing, State>();
  let soon: NodeJS.Timeout | undefined;
  let quietSinceMs = now();
  const check = () => {
    clearTimeout(soon);
    soon = undefined;
    const list = things();
    const before = states;
    states = new Map(list.map((thing) => [thing, stateOf(thing)]));
    for (const [thing, state] of states) {
      if (state !== (before.get(thing) ?? 'pending')) report(thing, state, list.length > 1);
    }
    if (!list.some(isOverdue)) quietSinceMs = now();
    onSummary(summaryOf(states));
  };
  const onEnded = () => {
    quietSinceMs = now();
    // Afterwards the thing has the credentials.
    soon ??= setTimeout(check, AFTER_EXCHANGE_MS).unref();
  };
  subscribe(ENDED, onEnded);
  const looks = setInterval(check, LOOK_MS).unref();
  return {
    check,
    get isStuck() {
      return now() - quietSinceMs > STUCK_MS;
    },
    close() {
      unsubscribe(ENDED, onEnded);
      clearInterval(looks);
      clearTimeout(soon);
    },
  };
}

function stateOf(thing: ServedThing): State {
  const isValid = thing.current() !== undefined;
  const isFailing = thing.failure() !== undefined;
  if (isValid) return isFailing ? 'failing' : 'valid';
  return isFailing || thing.stats().fetches > 0 ? 'invalid' : 'pending';
}

function isOverdue(thing: ServedThing): boolean {
  const { nextFetch } = thing.stats();
  return nextFetch !== undefined && nextFetch.getTime() < Date.now();
}

function report(thing: ServedThing, state: State, isOneOfMany: boolean): void {
  const prefix = isOneOfMany ? `thing "${thing.name}": ` : '';
  const ends = thing.current()?.expiration.toISOString();
  switch (state) {
    case 'valid':
      printLine('info', `${prefix}credentials are available, and will be refreshed`);
      break;
    case 'failing':
      printLine(
        'warning',
        `${prefix}refreshing the credentials failed, the current ones are valid until ${ends}: ${reasonOf(thing)}`,
      );
      break;
    case 'invalid':
      printLine('warning', `${prefix}there are no valid credentials: ${reasonOf(thing)}`);
      break;
    case 'pending':
      break;
  }
}

function reasonOf(thing: ServedThing): string {
  const failure = thing.failure();
  if (failure === undefined) return 'they expired';
  if (!isCredentialHelperError(failure)) return (failure as Error).message;
  const hint = failure.hint === undefined ? '' : ` (${failure.hint})`;
  return `${failure.code}: ${failure.message}${hint}`;
}

function summaryOf(states: ReadonlyMap<ServedThing, State>): Summary {
  const count = (wanted: readonly State[]) =>
    [...states.values()].filter((state) => wanted.includes(state)).length;
  const valid = count(['valid', 'failing']);
  const [bad] = [...states].find(([, state]) => state === 'invalid') ?? [];
  const problem = bad === undefined ? '' : `; ${bad.name}: ${reasonOf(bad)}`;
  return {
    isReady: valid > 0 && count(['pending']) === 0,
    text: `${valid} of ${states.size} things have valid credentials${problem}`,
  };
}
