import type { Account } from '../../account/account.ts';
import { readPolicyArn } from '../../account/managed-policies.ts';
import type { TagInput } from '../../account/tags.ts';
import type { Tag } from '../../state/records.ts';
import type { State } from '../../state/state.ts';
import { type Check, integer, listOf, optional, structureOf, text } from '../protocol/members.ts';
import { page } from '../protocol/paging.ts';
import { toXmlText } from '../protocol/query.ts';

/** The dependencies of the actions of IAM. */
export interface IamContext {
  readonly account: Account;
  readonly state: State;
  readonly nowMs: number;
}

// Lengths and patterns of IAM's API model.

/** The check of a role's name. */
export const RoleName: Check<string> = text({ min: 1, max: 64, pattern: /^[\w+=,.@-]+$/ });

/** The check of a policy's name. */
export const PolicyName: Check<string> = text({ min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ });

/** The check of a policy's ARN; the rest of it is checked with the account. */
export const PolicyArn: Check<string> = (value, name) => {
  const arn = text({ min: 20, max: 2048 })(value, name);
  readPolicyArn(arn);
  return arn;
};

/** The check of a policy's document. */
export const PolicyDocument: Check<string> = text({
  min: 1,
  max: 131_072,
  pattern: /^[\t\n\r\u0020-\u00ff]+$/,
});

/** More than a resource can have: the actions have the limit of 50, with its own error. */
const MAX_LIST = 1000;

/** The check of a list: an empty parameter is an empty list. */
export function queryList<T>(item: Check<T>): Check<readonly T[]> {
  const check = listOf(item, MAX_LIST);
  const checkGiven = (value: unknown, name: string) => check(value === '' ? [] : value, name);
  return Object.assign(checkGiven, check.members && { members: check.members });
}

/** The check of tags. */
export const Tags: Check<TagInput> = queryList(structureOf({ Key: text({}), Value: text({}) }));

/** The check of the keys of tags. */
export const TagKeys: Check<readonly string[]> = queryList(text({}));

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

/** Returns a page of tags, in the format of IAM's responses. */
export function tagPart(
  tags: readonly Tag[],
  input: { Marker: string | undefined; MaxItems: number | undefined },
): Record<string, unknown> {
  const values = new Map(tags.map((tag) => [tag.Key, tag]));
  return listPart('Tags', [...values.keys()], input, (key) => values.get(key));
}

/** Returns the member for tags, if any. */
export function taggedAs(tags: readonly Tag[] | undefined): { readonly Tags?: object } {
  return tags === undefined || tags.length === 0 ? {} : { Tags: { member: tags } };
}

/** Returns the member for a description, if any. */
export function describedAs(description: string | undefined): { readonly Description?: string } {
  return description === undefined ? {} : { Description: toXmlText(description) };
}
