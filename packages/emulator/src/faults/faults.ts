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
  /** Returns the faults, in the order in which they were added, without those whose `count` is used up. */
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
  /** Returns whether something may be done with a connection instead of a handshake. */
  mayAnswer(): boolean;
  /** Returns what is done with a connection that begins a handshake, instead of it, if anything. */
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
  const take = (matches: (fault: Fault) => boolean, nowMs: number) => {
    const taken = entries.find((entry) => matches(entry.fault) && isApplied(entry, nowMs));
    if (taken !== undefined && taken.applied === taken.fault.count) {
      entries = entries.filter((entry) => entry !== taken);
      changed();
    }
    return taken?.fault;
  };
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
    mayAnswer: () => entries.some(({ fault }) => answersHandshake(fault)),
    forConnection: (nowMs) => take(answersHandshake, nowMs),
    forHandshake: (nowMs) =>
      take((fault) => fault.serverCertificate !== undefined, nowMs)?.serverCertificate,
    onChange(listener) {
      changed = listener;
    },
  };
}

function answersHandshake({ connection, tlsAlert }: Fault): boolean {
  return connection === 'no-handshake' || tlsAlert !== undefined;
}

interface Entry {
  readonly fault: Fault;
  seen: number;
  applied: number;
  /** The times of accepted requests in the last second, in epoch milliseconds. */
  recent: number[];
}

function isApplied(entry: Entry, nowMs: number): boolean {
  const { probability, requestsPerSecond, seed = 0 } = entry.fault;
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
