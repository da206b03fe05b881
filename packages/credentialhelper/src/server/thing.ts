import type { CredentialSource } from '../credentials/source.ts';
import type { IotCoreCredentials } from '../credentials/types.ts';
import type { SessionStats } from '../observe/stats.ts';

/**
 * A thing whose credentials are served. After a change of its settings its old credentials are served until there are new
 * ones, or until they expire.
 */
export class ServedThing {
  /** Its name; empty if it was not set. */
  readonly name: string;
  #source: CredentialSource;
  #next: CredentialSource | undefined;
  readonly #ending = new AbortController();

  constructor(name: string, source: CredentialSource) {
    this.name = name;
    this.#source = source;
  }

  /** Fetches the first credentials in the background. */
  start(): void {
    this.#source.prefetch();
  }

  /** Changes to another source of credentials, once it has some. */
  replace(next: CredentialSource): void {
    void this.#next?.close();
    this.#next = next;
    next.prefetch();
  }

  // Arrow functions: these are passed on as functions.

  /** The valid credentials in memory. */
  readonly current = (): IotCoreCredentials | undefined => {
    if (this.#next?.current() !== undefined) {
      void this.#source.close();
      this.#source = this.#next;
      this.#next = undefined;
    }
    return this.#source.current();
  };

  /** The error of the last fetch, if it failed. */
  readonly failure = (): unknown => this.#latest.failure();

  /** The statistics of its source. */
  readonly stats = (): SessionStats => this.#latest.stats();

  /** Fetches credentials at once if there are none, without a wait for a retry. */
  retry(): void {
    if (this.current() !== undefined) return;
    // The failure is in the statistics.
    const { signal: abortSignal } = this.#ending;
    this.#latest.credentials({ forceRefresh: true, abortSignal }).catch(() => {});
  }

  /** Stops waiting for fetches, so that they do not keep this process running. */
  abandon(): void {
    this.#ending.abort();
  }

  /** Discards the credentials, and waits for pending fetches. */
  async close(): Promise<void> {
    await Promise.all([this.#source.close(), this.#next?.close()]);
  }

  get #latest(): CredentialSource {
    return this.#next ?? this.#source;
  }
}
