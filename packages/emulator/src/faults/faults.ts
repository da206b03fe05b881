import { createHash } from 'node:crypto';
import { checkFault } from './check-fault.ts';
import { type Fault, isOfConnection, type WrongCertificate } from './fault.ts';

/** A fault in the list. */
export interface ListedFault extends Fault {
  /** Identifies the fault; unique in this emulator. */
  readonly id: string;
}

/** A fault that was added: `using fault = aws.faults.add(…)` removes it at the end of the block. */
export interface AddedFault extends Disposable {
  /** Its id in the list. */
  readonly id: string;
  /** Removes the fault, if it is still in the list. */
  remove(): void;
}

/** The faults at the credential provider and at the AWS APIs. */
export interface Faults {
  /**
   * Adds a fault at the end of the list.
   *
   * @throws {@link EmulatorError} `ERR_FAULT` for an invalid fault, or one without effect
   */
  add(fault: Fault): AddedFault;
  /** Returns the faults, in the order in which they were added, without those whose `count` is used up. */
  list(): readonly ListedFault[];
  /** Removes a fault; returns whether it was in the list. */
  remove(id: string): boolean;
  /** Removes all faults. */
  clear(): void;
}

/** The faults as seen by the servers. */
export interface FaultPlan extends Faults {
  /** Returns the fault that is applied to a request to the credential provider, if any. */
  forRequest(thingName: string | undefined, nowMs: number): Fault | undefined;
  /**
   * Returns the fault that is applied to a request to an AWS API, if any.
   *
   * @param now - returns epoch milliseconds; called if there is a fault of the service
   */
  forService(service: string, now: () => number): Fault | undefined;
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
  let added = 0;
  const remove = (id: string) => {
    const rest = entries.filter((entry) => entry.id !== id);
    if (rest.length === entries.length) return false;
    entries = rest;
    changed();
    return true;
  };
  return {
    add(given) {
      const fault = checkFault(given);
      const id = String(++added);
      entries.push({ id, fault, seen: 0, applied: 0, recent: [] });
      changed();
      const removeThis = () => {
        remove(id);
      };
      return { id, remove: removeThis, [Symbol.dispose]: removeThis };
    },
    remove,
    clear() {
      entries = [];
      changed();
    },
    list: () => entries.map(({ id, fault }) => ({ id, ...fault })),
    forRequest: (thingName, nowMs) =>
      take(
        (fault) =>
          !isOfConnection(fault) &&
          fault.service === undefined &&
          (fault.thingName === undefined || fault.thingName === thingName),
        nowMs,
      ),
    forService(service, now) {
      const isOf = (fault: Fault) => fault.service === service;
      return entries.some(({ fault }) => isOf(fault)) ? take(isOf, now()) : undefined;
    },
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
  readonly id: string;
  readonly fault: Fault;
  seen: number;
  applied: number;
  /** The times of the latest accepted requests that count for the rate, in epoch milliseconds. */
  recent: number[];
}

function isApplied(entry: Entry, nowMs: number): boolean {
  const { probability, requestsPerSecond, seed = 0 } = entry.fault;
  entry.seen++;
  if (probability !== undefined && randomAt(seed, entry.seen) >= probability) return false;
  if (requestsPerSecond !== undefined) {
    // So many requests in so long: a rate of 0.5 is one in 2000 ms.
    const limit = Math.ceil(requestsPerSecond);
    const windowMs = (limit / requestsPerSecond) * 1000;
    entry.recent = entry.recent.filter((time) => time > nowMs - windowMs);
    if (entry.recent.length < limit) {
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
