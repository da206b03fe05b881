import type { Account } from '../../account/account.ts';
import { type Check, integer, optional, text } from '../protocol/members.ts';
import { page } from '../protocol/paging.ts';
import { toXmlText } from '../protocol/query.ts';

/** The dependencies of the actions of IAM. */
export interface IamContext {
  readonly account: Account;
}

// Lengths and patterns of IAM's API model.

/** The check of a role's name. */
export const RoleName: Check<string> = text({ min: 1, max: 64, pattern: /^[\w+=,.@-]+$/ });

/** The check of a policy's name. */
export const PolicyName: Check<string> = text({ min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ });

/** The check of a policy's document. */
export const PolicyDocument: Check<string> = text({
  min: 1,
  max: 131_072,
  pattern: /^[\t\n\r\u0020-\u00ff]+$/,
});

/** The checks of the pagination members. */
export const listed: {
  readonly Marker: Check<string | undefined>;
  readonly MaxItems: Check<number | undefined>;
} = {
  // The model allows 320 characters; a marker of the emulator is longer for a long ARN.
  Marker: optional(text({ min: 1, pattern: /^[\u0020-\u00ff]+$/ })),
  MaxItems: optional(integer({ min: 1, max: 1000 })),
};

/** Returns a page of a list of names in ascending order, in the format of IAM's responses. */
export function listPart(
  member: string,
  names: readonly string[],
  { Marker, MaxItems = 100 }: { Marker: string | undefined; MaxItems: number | undefined },
  describeItem: (name: string) => unknown,
): Record<string, unknown> {
  const request = { list: member, token: Marker, size: MaxItems, invalid: 'Invalid Marker.' };
  const { items, next } = page({ items: names }, request);
  return {
    [member]: { member: items.map(describeItem) },
    IsTruncated: next !== undefined,
    ...(next !== undefined && { Marker: next }),
  };
}

/** Returns the member for a description, if any. */
export function describedAs(description: string | undefined): { readonly Description?: string } {
  return description === undefined ? {} : { Description: toXmlText(description) };
}
