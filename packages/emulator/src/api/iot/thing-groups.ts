import type { Account } from '../../account/account.ts';
import { EmulatorError } from '../../errors.ts';
import { iotArn, thingGroupArn } from '../../names/arns.ts';
import { body, flag, optional, query, structureOf, text, uri } from '../protocol/members.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import {
  attributePayload,
  description,
  type IotContext,
  listed,
  listPart,
  seconds,
  thingName,
  version,
} from './context.ts';
import { tags } from './tags.ts';

// Group names have the pattern of thing names.
const thingGroupName = uri(thingName);
const thingGroupProperties = structureOf({
  thingGroupDescription: optional(description),
  attributePayload: optional(attributePayload),
});
const recursive = query(optional(flag));
const arn = body(optional(text({ max: 2048 })));
const membership = {
  thingGroupName: body(optional(thingName)),
  thingGroupArn: arn,
  thingName: body(optional(thingName)),
  thingArn: arn,
};

/** Operations of AWS IoT on thing groups: method, path, members and handlers. */
export const THING_GROUP_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreateThingGroup',
    'POST',
    '/thing-groups/{thingGroupName}',
    {
      thingGroupName,
      parentGroupName: body(optional(thingName)),
      thingGroupProperties: body(optional(thingGroupProperties)),
      tags,
    },
    ({ account }, { thingGroupProperties: properties, ...input }) =>
      account.iot.createThingGroup({
        ...input,
        description: properties?.thingGroupDescription,
        attributes: properties?.attributePayload?.attributes,
      }),
  ),
  operation(
    'DescribeThingGroup',
    'GET',
    '/thing-groups/{thingGroupName}',
    { thingGroupName },
    ({ account }, input) => {
      const { attributes, ...group } = account.iot.describeThingGroup(input);
      return {
        thingGroupName: group.thingGroupName,
        thingGroupId: group.thingGroupId,
        thingGroupArn: group.thingGroupArn,
        version: group.version,
        thingGroupProperties: {
          thingGroupDescription: group.description,
          attributePayload: { attributes },
        },
        thingGroupMetadata: {
          parentGroupName: group.parentGroupName,
          rootToParentThingGroups: group.rootToParent.map((name) => nameAndArn(account, name)),
          creationDate: seconds(group.creationMs),
        },
      };
    },
  ),
  operation(
    'UpdateThingGroup',
    'PATCH',
    '/thing-groups/{thingGroupName}',
    {
      thingGroupName,
      thingGroupProperties: body(thingGroupProperties),
      expectedVersion: body(optional(version)),
    },
    ({ account }, { thingGroupProperties: properties, ...input }) =>
      account.iot.updateThingGroup({
        ...input,
        ...properties.attributePayload,
        description: properties.thingGroupDescription,
      }),
  ),
  operation(
    'DeleteThingGroup',
    'DELETE',
    '/thing-groups/{thingGroupName}',
    { thingGroupName, expectedVersion: query(optional(version)) },
    ({ account }, input) => account.iot.deleteThingGroup(input),
  ),
  operation(
    'ListThingGroups',
    'GET',
    '/thing-groups',
    {
      ...listed,
      parentGroup: query(optional(thingName)),
      namePrefixFilter: query(optional(thingName)),
      recursive,
    },
    ({ account }, { namePrefixFilter = '', ...input }) => {
      const all = account.iot
        .listThingGroups(input)
        .filter((name) => name.startsWith(namePrefixFilter));
      return listPart('thingGroups', all, input, (name) => nameAndArn(account, name));
    },
  ),
  operation(
    'AddThingToThingGroup',
    'PUT',
    '/thing-groups/addThingToThingGroup',
    // There are no dynamic groups, so none is overridden.
    { ...membership, overrideDynamicGroups: body(optional(flag)) },
    ({ account }, input) => account.iot.addThingToThingGroup(readMembership(account, input)),
  ),
  operation(
    'RemoveThingFromThingGroup',
    'PUT',
    '/thing-groups/removeThingFromThingGroup',
    membership,
    ({ account }, input) => account.iot.removeThingFromThingGroup(readMembership(account, input)),
  ),
  operation(
    'ListThingsInThingGroup',
    'GET',
    '/thing-groups/{thingGroupName}/things',
    { thingGroupName, recursive, ...listed },
    ({ account }, input) => listPart('things', account.iot.listThingsInThingGroup(input), input),
  ),
  operation(
    'ListThingGroupsForThing',
    'GET',
    '/things/{thingName}/thing-groups',
    { thingName: uri(thingName), ...listed },
    ({ account }, input) => {
      const all = account.iot.listThingGroupsForThing(input);
      return listPart('thingGroups', all, input, (name) => nameAndArn(account, name));
    },
  ),
];

function nameAndArn(account: Account, name: string): { groupName: string; groupArn: string } {
  return { groupName: name, groupArn: thingGroupArn(account, name) };
}

interface Membership {
  readonly thingGroupName: string | undefined;
  readonly thingGroupArn: string | undefined;
  readonly thingName: string | undefined;
  readonly thingArn: string | undefined;
}

/** A thing and a group, each by name or by ARN. */
function readMembership(
  account: Account,
  input: Membership,
): { thingName: string; thingGroupName: string } {
  return {
    thingName: nameOf(account, 'thing', input.thingName, input.thingArn),
    thingGroupName: nameOf(account, 'thinggroup', input.thingGroupName, input.thingGroupArn),
  };
}

function nameOf(
  account: Account,
  kind: 'thing' | 'thinggroup',
  name: string | undefined,
  arn: string | undefined,
): string {
  const prefix = iotArn(account, `${kind}/`);
  const named = arn === undefined ? name : arn.startsWith(prefix) && arn.slice(prefix.length);
  if (named && (name === undefined || name === named)) return named;
  throw new EmulatorError(`the ${kind} is not specified, or its name and its ARN differ`, {
    code: 'InvalidRequestException',
  });
}
