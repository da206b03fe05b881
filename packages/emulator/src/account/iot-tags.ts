import { iotArn } from '../names/arns.ts';
import { lookUp } from '../state/look-up.ts';
import type { Tables, Tag } from '../state/records.ts';
import { awsError, notFoundError, type OperationContext } from './context.ts';
import { IOT_TAGS, sortedTags, type TagInput, withoutTags, withTags } from './tags.ts';

/** Operations of AWS IoT on tags. */
export interface IotTagOperations {
  /**
   * Adds tags to a resource; they replace those with the same key.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `InvalidRequestException` for a resource that cannot have
   * tags, or invalid tags, `LimitExceededException` for more than 50
   */
  tagResource(input: {
    /** The ARN of a policy, a role alias, a thing type, a thing group or a CA certificate. */
    resourceArn: string;
    /** The members have AWS's names. */
    tags: TagInput;
  }): void;
  /**
   * Removes tags from a resource.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `InvalidRequestException` for a resource that cannot have
   * tags, or an invalid key
   */
  untagResource(input: { resourceArn: string; tagKeys: readonly string[] }): void;
  /**
   * Returns the tags of a resource, sorted by key.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `InvalidRequestException` for a resource that cannot have
   * tags
   */
  listTagsForResource(input: { resourceArn: string }): readonly Tag[];
}

/** The tables of the resources that can have tags, by the kind in the ARN. */
const TABLES = {
  policy: 'policies',
  rolealias: 'roleAliases',
  thingtype: 'thingTypes',
  thinggroup: 'thingGroups',
  cacert: 'caCertificates',
} as const satisfies Readonly<Record<string, keyof Tables>>;

/** The operations on tags over the stored state. */
export function iotTagOperations({ store }: OperationContext): IotTagOperations {
  const { state } = store;
  const find = (arn: string) => {
    const prefix = iotArn(state, '');
    const [kind = '', name = ''] = arn.startsWith(prefix)
      ? arn.slice(prefix.length).split(/\/(.*)/s)
      : [];
    const table = lookUp<(typeof TABLES)[keyof typeof TABLES]>(TABLES, kind);
    if (table === undefined) {
      throw awsError('InvalidRequestException', `${arn} is not the ARN of a resource with tags`);
    }
    const record = lookUp<TaggedRecord>(state[table], name);
    if (record === undefined) throw notFoundError(`resource ${arn}`);
    return { table, name, record };
  };
  const change = (arn: string, toTags: (old: readonly Tag[] | undefined) => readonly Tag[]) => {
    const { table, name, record } = find(arn);
    // The record of that table, with other tags.
    store.put(table, name, { ...record, tags: toTags(record.tags) } as never);
  };
  return {
    tagResource: ({ resourceArn, tags }) =>
      change(resourceArn, (old) => withTags(IOT_TAGS, old, tags)),
    untagResource: ({ resourceArn, tagKeys }) =>
      change(resourceArn, (old) => withoutTags(IOT_TAGS, old, tagKeys)),
    listTagsForResource: ({ resourceArn }) => sortedTags(find(resourceArn).record.tags),
  };
}

interface TaggedRecord {
  readonly tags?: readonly Tag[];
}
