import { EmulatorError } from '../errors.ts';
import { type Check, integer, optional, text } from './members.ts';

/** How many results AWS IoT gives at most, and when it is not told. */
const MAX_PAGE = 250;
const DEFAULT_PAGE = 25;

/** The check of `maxResults` and `pageSize`. */
export const pageSize: Check<number | undefined> = optional(integer({ min: 1, max: MAX_PAGE }));

/** The check of `nextToken` and `marker`. */
export const pageToken: Check<string | undefined> = optional(
  text({ max: 1024, pattern: /^[A-Za-z0-9+/]+={0,2}$/ }),
);

/** A part of a list, and the token of the next part, if there is one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/**
 * A page of a list. The token is the key of the last item of the page before
 * (which must still be there).
 */
export function page<T>(
  list: readonly T[],
  keyOf: (item: T) => string,
  token: string | undefined,
  size: number = DEFAULT_PAGE,
): Page<T> {
  let start = 0;
  if (token !== undefined) {
    const last = Buffer.from(token, 'base64').toString('utf8');
    start = list.findIndex((item) => keyOf(item) === last) + 1;
    if (start === 0) {
      throw new EmulatorError('Invalid token', { code: 'InvalidRequestException' });
    }
  }
  const items = list.slice(start, start + size);
  const last = items.at(-1);
  const isMore = start + size < list.length && last !== undefined;
  return { items, next: isMore ? Buffer.from(keyOf(last)).toString('base64') : undefined };
}
