import type { ErrorCode } from '../error-codes.ts';
import { isCredentialHelperError } from '../errors.ts';

/** Statistics of a session. */
export interface SessionStats {
  /** The number of successful fetches. */
  readonly fetches: number;
  /** The number of failed fetches, by error code. */
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** The number of calls that were served from memory. */
  readonly servedFromMemory: number;
  /** The code and time of the last error; undefined if there was none. */
  readonly lastError: { readonly code: ErrorCode; readonly at: Date } | undefined;
  /** How far this device's clock is ahead of the server's, in milliseconds; undefined if unknown. */
  readonly skewMs: number | undefined;
  /** When the next fetch is due, for a call or with `keepFresh`; undefined if none is. */
  readonly nextFetch: Date | undefined;
}

/** The counters of a session. */
export class Counters {
  #fetches = 0;
  #servedFromMemory = 0;
  #lastError: SessionStats['lastError'];
  #skewMs: number | undefined;
  readonly #failures: Partial<Record<ErrorCode, number>> = {};

  /** Credentials were fetched. */
  fetched(skewMs: number | undefined): void {
    this.#fetches++;
    this.#skewMs = skewMs ?? this.#skewMs;
  }

  /** A fetch failed. */
  failed(error: unknown): void {
    if (!isCredentialHelperError(error)) return;
    const { code } = error;
    this.#failures[code] = (this.#failures[code] ?? 0) + 1;
    this.#lastError = { code, at: new Date() };
  }

  /** Credentials were served from memory. */
  served(): void {
    this.#servedFromMemory++;
  }

  /** The counts so far. */
  stats(nextFetch: Date | undefined): SessionStats {
    return {
      fetches: this.#fetches,
      failures: { ...this.#failures },
      servedFromMemory: this.#servedFromMemory,
      lastError: this.#lastError && { ...this.#lastError },
      skewMs: this.#skewMs,
      nextFetch,
    };
  }
}
