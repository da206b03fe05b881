import type { Logger } from '@smithy/types';

/** Writes one line of a log. */
export type LogLine = (line: string) => void;

/**
 * The levels of a log. A level without a function is not logged: `log.debug?.(…)` then does not even format the line.
 */
export type Log = { readonly [Level in keyof Logger]?: LogLine | undefined };

/** A log that writes to the one that a function returns at that time, if any, with a prefix before each line. */
export class FollowingLog implements Log {
  readonly #current: () => Log | undefined;
  readonly #prefix: string;

  constructor(current: () => Log | undefined, prefix: string) {
    this.#current = current;
    this.#prefix = prefix;
  }

  get trace(): LogLine | undefined {
    return this.#line('trace');
  }

  get debug(): LogLine | undefined {
    return this.#line('debug');
  }

  get info(): LogLine | undefined {
    return this.#line('info');
  }

  get warn(): LogLine | undefined {
    return this.#line('warn');
  }

  #line(level: keyof Log): LogLine | undefined {
    const write = this.#current()?.[level];
    return write && ((line) => write(`${this.#prefix}${line}`));
  }
}
