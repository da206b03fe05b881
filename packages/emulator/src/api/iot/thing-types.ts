import { body, listOf, optional, structureOf, uri } from '../protocol/members.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import { attributeName, description, type IotContext, seconds, thingName } from './context.ts';
import { tags } from './tags.ts';

/** The model has no limit; the operation has, with its own message. */
const MAX_LIST = 1000;

/** Operations of AWS IoT on thing types: method, path, members and handlers. */
export const THING_TYPE_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreateThingType',
    'POST',
    '/thing-types/{thingTypeName}',
    {
      thingTypeName: uri(thingName),
      thingTypeProperties: body(
        optional(
          structureOf({
            thingTypeDescription: optional(description),
            searchableAttributes: optional(listOf(attributeName, MAX_LIST)),
          }),
        ),
      ),
      tags,
    },
    ({ account }, { thingTypeProperties, ...input }) =>
      account.iot.createThingType({
        ...input,
        description: thingTypeProperties?.thingTypeDescription,
        searchableAttributes: thingTypeProperties?.searchableAttributes,
      }),
  ),
  operation(
    'DescribeThingType',
    'GET',
    '/thing-types/{thingTypeName}',
    { thingTypeName: uri(thingName) },
    ({ account }, input) => {
      const type = account.iot.describeThingType(input);
      return {
        thingTypeName: type.thingTypeName,
        thingTypeId: type.thingTypeId,
        thingTypeArn: type.thingTypeArn,
        thingTypeProperties: {
          thingTypeDescription: type.description,
          searchableAttributes: type.searchableAttributes,
        },
        thingTypeMetadata: { deprecated: false, creationDate: seconds(type.creationMs) },
      };
    },
  ),
];
