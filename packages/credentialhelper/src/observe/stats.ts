import type { ErrorCode } from '../error-codes.ts';
import { isCredentialHelperError } from '../errors.ts';

/** What a session has done so far. */
export interface SessionStats {
  /** How many fetches brought credentials. */
  readonly fetches: number;
  /** How many fetches failed, by the code of their error. */
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** How often credentials were given from memory. */
  readonly servedFromMemory: number;
  /** The code of the last error, and when it came; undefined where there was none. */
  readonly lastError: { readonly code: ErrorCode; readonly at: Date } | undefined;
  /** How far this device's clock is ahead of the server's, in milliseconds; undefined where that is not known. */
  readonly skewMs: number | undefined;
  /** When the next fetch is due, where somebody asks or `keepFresh` is set; undefined where none is. */
  readonly nextFetch: Date | undefined;
}

/** Counts what a session does. */
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

  /** Credentials were given from memory. */
  served(): void {
    this.#servedFromMemory++;
  }

  /** What was counted so far. */
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
