import { EmulatorError } from '../../errors.ts';
import { type Check, integer, optional, text } from './members.ts';

/** The maximum and default page size of AWS IoT. */
const MAX_PAGE = 250;
const DEFAULT_PAGE = 25;

/** The check of `maxResults` and `pageSize`. */
export const pageSize: Check<number | undefined> = optional(integer({ min: 1, max: MAX_PAGE }));

/** The check of `nextToken` and `marker`. */
export const pageToken: Check<string | undefined> = optional(
  text({ max: 1024, pattern: /^[A-Za-z0-9+/]+={0,2}$/ }),
);

/** A page of a list of names, and the token of the next page, if any. */
export interface Page {
  readonly items: readonly string[];
  readonly next: string | undefined;
}

/** A page of a list of names. The token is the last name of the previous page (which must still exist). */
export function page(
  names: readonly string[],
  token: string | undefined,
  size: number = DEFAULT_PAGE,
): Page {
  let start = 0;
  if (token !== undefined) {
    start = names.indexOf(Buffer.from(token, 'base64').toString('utf8')) + 1;
    if (start === 0) {
      throw new EmulatorError('Invalid token', { code: 'InvalidRequestException' });
    }
  }
  const items = names.slice(start, start + size);
  const last = items.at(-1);
  const isMore = start + size < names.length && last !== undefined;
  return { items, next: isMore ? Buffer.from(last).toString('base64') : undefined };
}
