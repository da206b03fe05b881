import { createHash } from 'node:crypto';
import { checkFault, type Fault, isOfConnection, type WrongCertificate } from './fault.ts';

/** The faults at the credential provider. */
export interface Faults {
  /**
   * Adds a fault at the end of the list.
   *
   * @throws {@link EmulatorError} `ERR_FAULT` for an invalid fault
   */
  add(fault: Fault): void;
  /** Returns all faults, in the order in which they were added, also those whose `count` is used up. */
  list(): readonly Fault[];
  /** Removes all faults. */
  clear(): void;
}

/** The faults as seen by the credential provider. */
export interface FaultPlan extends Faults {
  /** Returns the fault that is applied to a request, if any. */
  forRequest(thingName: string | undefined, nowMs: number): Fault | undefined;
  /** Returns whether connections are refused. */
  isRefusing(): boolean;
  /** Returns what is done with an accepted connection instead of a handshake, if anything. */
  forConnection(nowMs: number): Pick<Fault, 'connection' | 'tlsAlert'> | undefined;
  /** Returns the certificate for a handshake, if not the valid one. */
  forHandshake(nowMs: number): WrongCertificate | undefined;
  /** Sets the function that is called after each change of the list. */
  onChange(listener: () => void): void;
}

/** Opens an empty list of faults. */
export function openFaults(): FaultPlan {
  let entries: Entry[] = [];
  let changed = () => {};
  const take = (matches: (fault: Fault) => boolean, nowMs: number) =>
    entries.find((entry) => matches(entry.fault) && isApplied(entry, nowMs))?.fault;
  return {
    add(fault) {
      entries.push({ fault: checkFault(fault), seen: 0, applied: 0, recent: [] });
      changed();
    },
    clear() {
      entries = [];
      changed();
    },
    list: () => entries.map(({ fault }) => fault),
    forRequest: (thingName, nowMs) =>
      take(
        (fault) =>
          !isOfConnection(fault) &&
          (fault.thingName === undefined || fault.thingName === thingName),
        nowMs,
      ),
    isRefusing: () => entries.some(({ fault }) => fault.connection === 'refuse'),
    forConnection: (nowMs) =>
      take(
        ({ connection, tlsAlert }) => connection === 'no-handshake' || tlsAlert !== undefined,
        nowMs,
      ),
    forHandshake: (nowMs) =>
      take((fault) => fault.serverCertificate !== undefined, nowMs)?.serverCertificate,
    onChange(listener) {
      changed = listener;
    },
  };
}

interface Entry {
  readonly fault: Fault;
  seen: number;
  applied: number;
  /** The times of accepted requests in the last second, in epoch milliseconds. */
  recent: number[];
}

function isApplied(entry: Entry, nowMs: number): boolean {
  const { count, probability, requestsPerSecond, seed = 0 } = entry.fault;
  if (count !== undefined && entry.applied >= count) return false;
  entry.seen++;
  if (probability !== undefined && randomAt(seed, entry.seen) >= probability) return false;
  if (requestsPerSecond !== undefined) {
    entry.recent = entry.recent.filter((time) => time > nowMs - 1000);
    if (entry.recent.length < requestsPerSecond) {
      entry.recent.push(nowMs);
      return false;
    }
  }
  entry.applied++;
  return true;
}

/** Returns a number from 0 up to, but not including, 1: the same for the same seed and index. */
function randomAt(seed: number, index: number): number {
  return createHash('sha256').update(`${seed} ${index}`).digest().readUInt32BE() / 2 ** 32;
}
