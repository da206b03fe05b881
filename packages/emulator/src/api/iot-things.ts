import { type IotContext, seconds, thingName } from './iot-context.ts';
import {
  body,
  type Check,
  flag,
  header,
  isObject,
  optional,
  query,
  structure,
  text,
  uri,
} from './members.ts';
import { page, pageSize, pageToken } from './paging.ts';
import { operation, type RestOperation } from './rest-json.ts';

const principal = header(text({ min: 1, max: 2048 }), 'x-amzn-principal');
const listed = { nextToken: query(pageToken), maxResults: query(pageSize) };
const filter = query(optional(text({ max: 800 })));
const attributeName = text({ max: 128, pattern: /^[a-zA-Z0-9_.,@/:#-]+$/ });
const attributeValue = text({ max: 800, pattern: /^[a-zA-Z0-9_.,@/:#=[\]-]*$/ });
const self = (name: string) => name;

const attributePayload: Check<Record<string, string>> = (value, name) => {
  const { attributes } = structure(value, name);
  if (!isObject(attributes)) return {};
  return Object.fromEntries(
    Object.entries(attributes)
      .map(
        ([key, text]) =>
          [attributeName(key, `${name}.attributes`), attributeValue(text, key)] as const,
      )
      // AWS IoT keeps no attribute that is empty.
      .filter(([, text]) => text !== ''),
  );
};

/** Operations of AWS IoT on things: method, path, members, and what they do. */
export const THING_OPERATIONS: readonly RestOperation<IotContext>[] = [
  // CreateThing
  operation(
    'POST',
    '/things/{thingName}',
    {
      thingName: uri(thingName),
      thingTypeName: body(optional(thingName)),
      attributePayload: body(optional(attributePayload)),
    },
    ({ account }, { attributePayload: attributes, ...input }) =>
      account.createThing({ ...input, attributes }),
  ),
  // DescribeThing
  operation('GET', '/things/{thingName}', { thingName: uri(thingName) }, ({ account }, input) => {
    const { certificateIds: _, attributes = {}, ...thing } = account.describeThing(input);
    return { ...thing, defaultClientId: thing.thingName, attributes, version: 1 };
  }),
  // DeleteThing
  operation(
    'DELETE',
    '/things/{thingName}',
    { thingName: uri(thingName) },
    ({ account }, input) => {
      account.deleteThing(input);
    },
  ),
  // ListThings
  operation(
    'GET',
    '/things',
    {
      ...listed,
      thingTypeName: query(optional(thingName)),
      attributeName: filter,
      attributeValue: filter,
      usePrefixAttributeValue: query(optional(flag)),
    },
    ({ account, state }, input) => {
      const wanted = Object.values(state.things)
        .filter(
          (thing) =>
            (input.thingTypeName === undefined || thing.thingTypeName === input.thingTypeName) &&
            hasAttribute(thing.attributes, input),
        )
        .map((thing) => thing.thingName)
        .sort();
      const { items, next } = page(wanted, self, input.nextToken, input.maxResults);
      const things = items.map((name) => {
        const thing = account.describeThing({ thingName: name });
        const { certificateIds: _, thingId: __, attributes = {}, ...rest } = thing;
        return { ...rest, attributes, version: 1 };
      });
      return { things, nextToken: next };
    },
  ),
  // CreateThingType
  operation(
    'POST',
    '/thing-types/{thingTypeName}',
    {
      thingTypeName: uri(thingName),
      thingTypeProperties: body(optional(structure)),
    },
    ({ account }, { thingTypeName, thingTypeProperties = {} }) => {
      const check = optional(text({ max: 2028 }));
      const description = check(thingTypeProperties.thingTypeDescription, 'thingTypeDescription');
      return account.createThingType({ thingTypeName, description });
    },
  ),
  // DescribeThingType
  operation(
    'GET',
    '/thing-types/{thingTypeName}',
    { thingTypeName: uri(thingName) },
    ({ account }, input) => {
      const { description, creationMs, ...type } = account.describeThingType(input);
      return {
        ...type,
        thingTypeProperties: { thingTypeDescription: description },
        thingTypeMetadata: { deprecated: false, creationDate: seconds(creationMs) },
      };
    },
  ),
  // AttachThingPrincipal
  operation(
    'PUT',
    '/things/{thingName}/principals',
    { thingName: uri(thingName), principal },
    ({ account }, input) => account.attachThingPrincipal(input),
  ),
  // DetachThingPrincipal
  operation(
    'DELETE',
    '/things/{thingName}/principals',
    { thingName: uri(thingName), principal },
    ({ account }, input) => account.detachThingPrincipal(input),
  ),
  // ListThingPrincipals
  operation(
    'GET',
    '/things/{thingName}/principals',
    { thingName: uri(thingName), ...listed },
    ({ account }, input) => {
      const all = account.listThingPrincipals(input);
      const { items, next } = page(all, self, input.nextToken, input.maxResults);
      return { principals: items, nextToken: next };
    },
  ),
  // ListPrincipalThings
  operation('GET', '/principals/things', { principal, ...listed }, ({ account }, input) => {
    const all = account.listPrincipalThings(input);
    const { items, next } = page(all, self, input.nextToken, input.maxResults);
    return { things: items, nextToken: next };
  }),
];

function hasAttribute(
  attributes: Readonly<Record<string, string>> = {},
  wanted: {
    readonly attributeName: string | undefined;
    readonly attributeValue: string | undefined;
    readonly usePrefixAttributeValue: boolean | undefined;
  },
): boolean {
  const { attributeName: name, attributeValue: value = '' } = wanted;
  if (name === undefined) return true;
  const found = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (found === undefined) return false;
  return wanted.usePrefixAttributeValue ? found.startsWith(value) : found === value;
}
