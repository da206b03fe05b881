import { EmulatorError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
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

/** A page of a list, and the token of the next page, if any. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** A list with an order. */
export interface Ordered<T> {
  readonly items: readonly T[];
  /** Returns the place of an item in the order, unique among all that ever were in the list. Default: the item. */
  readonly keyOf?: ((item: T) => string) | undefined;
  /** Whether the keys descend. Default false: they ascend, by UTF-16 code units. */
  readonly isDescending?: boolean | undefined;
}

/** The page that a request asks for. */
export interface PageRequest {
  /** The name of the list: its tokens are those of no other list. */
  readonly list: string;
  readonly token: string | undefined;
  /** Default 25. */
  readonly size: number | undefined;
  /** The message for a token that is not one. */
  readonly invalid: string;
}

/**
 * Returns a page of a list. The token has the key of the last item of the previous page: the next page begins after
 * it, also if that item was deleted in between.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for a token that is not one of this list
 */
export function page<T>(
  { items, keyOf = String, isDescending = false }: Ordered<T>,
  { list, token, size = DEFAULT_PAGE, invalid }: PageRequest,
): Page<T> {
  const after = token === undefined ? undefined : readToken(list, token);
  if (token !== undefined && after === undefined) {
    throw new EmulatorError(invalid, { code: 'InvalidRequestException' });
  }
  const isBehind = (item: T) =>
    after === undefined || (isDescending ? keyOf(item) < after : keyOf(item) > after);
  const start = firstIndex(items, isBehind);
  const shown = items.slice(start, start + size);
  const last = shown.at(-1);
  const isMore = start + size < items.length && last !== undefined;
  return { items: shown, next: isMore ? makeToken(list, keyOf(last)) : undefined };
}

/** Returns the index of the first item that fits, in a list with those that do not fit first. */
function firstIndex<T>(items: readonly T[], fits: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function makeToken(list: string, key: string): string {
  return Buffer.from(JSON.stringify([list, key])).toString('base64');
}

function readToken(list: string, token: string): string | undefined {
  const value = parseJson(Buffer.from(token, 'base64').toString('utf8'));
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [name, key]: unknown[] = value;
  return name === list && typeof key === 'string' ? key : undefined;
}
