import { createHash } from 'node:crypto';
import { checkFault, type Fault, type WrongCertificate } from './fault.ts';

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
  /** Returns the certificate for a new connection, if not the valid one. */
  forConnection(nowMs: number): WrongCertificate | undefined;
}

/** Opens an empty list of faults. */
export function openFaults(): FaultPlan {
  let entries: Entry[] = [];
  const take = (matches: (fault: Fault) => boolean, nowMs: number) =>
    entries.find((entry) => matches(entry.fault) && isApplied(entry, nowMs))?.fault;
  return {
    add(fault) {
      entries.push({ fault: checkFault(fault), seen: 0, applied: 0, recent: [] });
    },
    clear() {
      entries = [];
    },
    list: () => entries.map(({ fault }) => fault),
    forRequest: (thingName, nowMs) =>
      take(
        (fault) =>
          fault.serverCertificate === undefined &&
          (fault.thingName === undefined || fault.thingName === thingName),
        nowMs,
      ),
    forConnection: (nowMs) =>
      take((fault) => fault.serverCertificate !== undefined, nowMs)?.serverCertificate,
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
