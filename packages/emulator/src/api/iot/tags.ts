import type { TagInput } from '../../account/tags.ts';
import {
  body,
  type Check,
  listOf,
  type Member,
  optional,
  query,
  structureOf,
  text,
} from '../protocol/members.ts';
import { pageToken } from '../protocol/paging.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import { type IotContext, listPart } from './context.ts';

/** More than a resource can have: the operations have the limit of 50, with its own error. */
const MAX_LIST = 1000;
/** All tags of a resource. */
const PAGE = 50;
const resourceArn = text({ max: 2048 });

const tagList: Check<TagInput> = listOf(
  structureOf({ Key: text({}), Value: optional(text({})) }),
  MAX_LIST,
);

/** The tags of a new resource. */
export const tags: Member<TagInput | undefined> = body(optional(tagList));

/** Operations of AWS IoT on tags: method, path, members and handlers. */
export const TAG_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'TagResource',
    'POST',
    '/tags',
    { resourceArn: body(resourceArn), tags: body(tagList) },
    ({ account }, input) => account.iot.tagResource(input),
  ),
  operation(
    'UntagResource',
    'POST',
    '/untag',
    { resourceArn: body(resourceArn), tagKeys: body(listOf(text({}), MAX_LIST)) },
    ({ account }, input) => account.iot.untagResource(input),
  ),
  operation(
    'ListTagsForResource',
    'GET',
    '/tags',
    { resourceArn: query(resourceArn), nextToken: query(pageToken) },
    ({ account }, input) => {
      const values = new Map(
        account.iot.listTagsForResource(input).map((tag) => [tag.Key, tag] as const),
      );
      const page = { ...input, maxResults: PAGE };
      return listPart('tags', [...values.keys()], page, (key) => values.get(key));
    },
  ),
];
