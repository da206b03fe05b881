import type { Account } from '../../account/account.ts';
import {
  type Check,
  flag,
  integer,
  type Member,
  optional,
  query,
  structure,
  structureOf,
  text,
  uri,
} from '../protocol/members.ts';
import { type Ordered, page, pageSize, pageToken } from '../protocol/paging.ts';

/** The dependencies of the operations of AWS IoT. */
export interface IotContext {
  readonly account: Account;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
}

// Lengths and patterns of AWS IoT's API model.
/** The name of a thing, a thing type or a thing group. */
export const thingName: Check<string> = text({ min: 1, max: 128, pattern: /^[a-zA-Z0-9:_-]+$/ });
/** A policy's name. */
export const policyName: Check<string> = text({ min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ });
/** A role alias. */
export const roleAlias: Check<string> = text({ min: 1, max: 128, pattern: /^[\w=,@-]+$/ });
/** The ARN of a role. */
export const roleArn: Check<string> = text({ min: 20, max: 2048 });
/** A certificate's id. */
export const certificateId: Member<string> = uri(
  text({ min: 64, max: 64, pattern: /^(0x)?[a-fA-F0-9]+$/ }),
);
/** A certificate, as PEM. */
export const certificatePem: Check<string> = text({ min: 1, max: 65_536 });

/** The version of a thing or a group that a caller expects. */
export const version: Check<number> = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** The name of an attribute. */
export const attributeName: Check<string> = text({ max: 128, pattern: /^[a-zA-Z0-9_.,@/:#-]+$/ });
/** The value of an attribute. */
export const attributeValue: Check<string> = text({
  max: 800,
  pattern: /^[a-zA-Z0-9_.,@/:#=[\]-]*$/,
});

/** The description of a thing type or a thing group: visible characters and spaces. */
export const description: Check<string> = text({
  max: 2028,
  pattern: /^(?:[^\p{C}\p{Z}]| )*$/u,
});

/** Values of attributes by their names. */
const attributeMap: Check<Readonly<Record<string, string>>> = (value, name) =>
  Object.fromEntries(
    Object.entries(structure(value, name)).map(([key, text]) => [
      attributeName(key, name),
      attributeValue(text, key),
    ]),
  );

/** `{"attributes": {…}}`. */
export const attributePayload: Check<{
  readonly attributes: Readonly<Record<string, string>> | undefined;
  readonly merge: boolean | undefined;
}> = structureOf({ attributes: optional(attributeMap), merge: optional(flag) });

/** The page of a list that a request asks for. */
export const listed: {
  readonly nextToken: Member<string | undefined>;
  readonly maxResults: Member<number | undefined>;
} = { nextToken: query(pageToken), maxResults: query(pageSize) };

/**
 * Returns that page, in the format of the response.
 *
 * @param list - the name of the list, that of the member in the response
 * @param items - in ascending order
 */
export function listPart(
  list: string,
  items: readonly string[],
  {
    nextToken: token,
    maxResults: size,
  }: { nextToken: string | undefined; maxResults: number | undefined },
  describe: (item: string) => unknown = (item) => item,
): Record<string, unknown> {
  const part = page({ items }, { list, token, size, invalid: 'Invalid nextToken' });
  return { [list]: part.items.map(describe), nextToken: part.next };
}

/** The page of a list that a request asks for, in the operations with markers. */
export const listedByMarker: {
  readonly marker: Member<string | undefined>;
  readonly pageSize: Member<number | undefined>;
} = { marker: query(pageToken), pageSize: query(pageSize) };

/** The order of a list. */
export const ascendingOrder: Member<boolean | undefined> = query(
  optional(flag),
  'isAscendingOrder',
);

/** {@link listPart} for them, of any items and in any order. */
export function listPartByMarker<T>(
  list: string,
  ordered: Ordered<T>,
  { marker: token, pageSize: size }: { marker: string | undefined; pageSize: number | undefined },
  describe: (item: T) => unknown = (item) => item,
): Record<string, unknown> {
  const part = page(ordered, { list, token, size, invalid: 'Invalid marker' });
  return { [list]: part.items.map(describe), nextMarker: part.next };
}

/** A timestamp in a restJson1 body. */
export function seconds(epochMs: number): number {
  return epochMs / 1000;
}
