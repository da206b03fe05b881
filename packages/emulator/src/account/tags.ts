import type { EmulatorError } from '../errors.ts';
import type { Tag } from '../state/records.ts';
import { awsError, quotaError } from './context.ts';

/** The tags of a resource in an input; AWS IoT accepts a tag without a value. */
export type TagInput = readonly { readonly Key: string; readonly Value?: string | undefined }[];

/** The rules of a service for tags. */
export interface TagRules {
  /** The code of the error for an invalid tag. */
  readonly invalid: string;
  /** The code of the error for equal keys, and for a key that is reserved. */
  readonly refused: string;
  /** The error for more than 50 tags of a resource. */
  readonly tooMany: () => EmulatorError;
  /** Returns what is the same for equal keys. */
  readonly fold: (key: string) => string;
}

const MAX_TAGS = 50;
const MAX_KEY = 128;
const MAX_VALUE = 256;
/** Of the API models of AWS IoT and IAM. */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** AWS IoT distinguishes keys by case. */
export const IOT_TAGS: TagRules = {
  invalid: 'InvalidRequestException',
  refused: 'InvalidRequestException',
  tooMany: () => awsError('LimitExceededException', `A resource can have at most ${MAX_TAGS} tags`),
  fold: (key) => key,
};

/** The rules for tags of roles. */
export const ROLE_TAGS: TagRules = iamTags('TagsPerRole');

/** The rules for tags of managed policies. */
export const POLICY_TAGS: TagRules = iamTags('TagsPerPolicy');

/** IAM does not distinguish keys by case. */
function iamTags(quota: string): TagRules {
  return {
    invalid: 'ValidationError',
    refused: 'InvalidInput',
    tooMany: () => quotaError(quota, MAX_TAGS),
    fold: (key) => key.toLowerCase(),
  };
}

/** Returns the member `tags` of a new record; none without tags. */
export function taggedWith(
  rules: TagRules,
  tags: TagInput | undefined,
): { readonly tags?: readonly Tag[] } {
  if (tags === undefined || tags.length === 0) return {};
  return { tags: withTags(rules, [], tags) };
}

/**
 * Returns tags with others, which replace those with the same key.
 *
 * @throws {@link EmulatorError} for an invalid, repeated or reserved key, an invalid value, or more than 50 tags
 */
export function withTags(
  rules: TagRules,
  tags: readonly Tag[] = [],
  added: TagInput,
): readonly Tag[] {
  const all = new Map(tags.map((tag) => [rules.fold(tag.Key), tag]));
  for (const { Key, Value = '' } of checkTags(rules, added))
    all.set(rules.fold(Key), { Key, Value });
  if (all.size > MAX_TAGS) throw rules.tooMany();
  return [...all.values()];
}

/** Returns tags without those with some keys. */
export function withoutTags(
  rules: TagRules,
  tags: readonly Tag[] = [],
  keys: readonly string[],
): readonly Tag[] {
  for (const key of keys) checkKey(rules, key);
  const removed = new Set(keys.map(rules.fold));
  return tags.filter(({ Key }) => !removed.has(rules.fold(Key)));
}

/** Returns tags sorted by key. */
export function sortedTags(tags: readonly Tag[] = []): readonly Tag[] {
  return [...tags].sort((one, other) => (one.Key < other.Key ? -1 : 1));
}

function checkTags(rules: TagRules, tags: TagInput): TagInput {
  if (tags.length > MAX_TAGS) {
    throw violated(rules, 'tags', `Member must have length less than or equal to ${MAX_TAGS}`);
  }
  for (const { Key, Value = '' } of tags) {
    checkKey(rules, Key);
    checkText(rules, Value, MAX_VALUE);
  }
  if (new Set(tags.map(({ Key }) => rules.fold(Key))).size < tags.length) {
    const hint = rules.fold('A') === 'a' ? ' Please note that Tag keys are case insensitive.' : '';
    throw awsError(rules.refused, `Duplicate tag keys found.${hint}`);
  }
  return tags;
}

function checkKey(rules: TagRules, key: string): void {
  if (key === '') {
    throw violated(rules, key, 'Member must have length greater than or equal to 1');
  }
  checkText(rules, key, MAX_KEY);
  if (/^aws:/i.test(key)) {
    throw awsError(rules.refused, `The tag key ${key} begins with aws:, which is reserved`);
  }
}

function checkText(rules: TagRules, text: string, max: number): void {
  if (text.length > max) {
    throw violated(rules, text, `Member must have length less than or equal to ${max}`);
  }
  if (!CHARACTERS.test(text)) {
    throw violated(
      rules,
      text,
      'Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*',
    );
  }
}

function violated({ invalid }: TagRules, text: string, constraint: string): EmulatorError {
  return awsError(
    invalid,
    `1 validation error detected: Value '${text.slice(0, MAX_KEY)}' at 'tags' failed to satisfy constraint: ${constraint}`,
  );
}
