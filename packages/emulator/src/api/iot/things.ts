import type { Account } from '../../account/account.ts';
import { body, flag, header, only, optional, query, text, uri } from '../protocol/members.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import {
  attributeName,
  attributePayload,
  attributeValue,
  type IotContext,
  listed,
  listPart,
  thingName,
  version,
} from './context.ts';

const principal = header(text({ min: 1, max: 2048 }), 'x-amzn-principal');

/** Operations of AWS IoT on things: method, path, members and handlers. */
export const THING_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreateThing',
    'POST',
    '/things/{thingName}',
    {
      thingName: uri(thingName),
      thingTypeName: body(optional(thingName)),
      attributePayload: body(optional(attributePayload)),
    },
    ({ account }, { attributePayload: payload, ...input }) =>
      account.iot.createThing({ ...input, attributes: payload?.attributes }),
  ),
  operation(
    'DescribeThing',
    'GET',
    '/things/{thingName}',
    { thingName: uri(thingName) },
    ({ account }, input) => {
      const { thingName: name, thingId } = account.iot.describeThing(input);
      return { ...describe(account, name), thingId, defaultClientId: name };
    },
  ),
  operation(
    'UpdateThing',
    'PATCH',
    '/things/{thingName}',
    {
      thingName: uri(thingName),
      thingTypeName: body(optional(thingName)),
      attributePayload: body(optional(attributePayload)),
      expectedVersion: body(optional(version)),
      removeThingType: body(optional(flag)),
    },
    ({ account }, { attributePayload: payload, ...input }) => {
      account.iot.updateThing({ ...input, ...payload });
      return {};
    },
  ),
  operation(
    'DeleteThing',
    'DELETE',
    '/things/{thingName}',
    { thingName: uri(thingName), expectedVersion: query(optional(version)) },
    ({ account }, input) => account.iot.deleteThing(input),
  ),
  operation(
    'ListThings',
    'GET',
    '/things',
    {
      ...listed,
      thingTypeName: query(optional(thingName)),
      attributeName: query(optional(attributeName)),
      attributeValue: query(optional(attributeValue)),
      usePrefixAttributeValue: query(optional(flag)),
    },
    ({ account }, input) =>
      listPart('things', account.iot.listThings(input), input, (name) => describe(account, name)),
  ),
  operation(
    'AttachThingPrincipal',
    'PUT',
    '/things/{thingName}/principals',
    {
      thingName: uri(thingName),
      principal,
      thingPrincipalType: query(optional(only('NON_EXCLUSIVE_THING', text({})))),
    },
    ({ account }, input) => account.iot.attachThingPrincipal(input),
  ),
  operation(
    'DetachThingPrincipal',
    'DELETE',
    '/things/{thingName}/principals',
    { thingName: uri(thingName), principal },
    ({ account }, input) => account.iot.detachThingPrincipal(input),
  ),
  operation(
    'ListThingPrincipals',
    'GET',
    '/things/{thingName}/principals',
    { thingName: uri(thingName), ...listed },
    ({ account }, input) => listPart('principals', account.iot.listThingPrincipals(input), input),
  ),
  operation(
    'ListPrincipalThings',
    'GET',
    '/principals/things',
    { principal, ...listed },
    ({ account }, input) => listPart('things', account.iot.listPrincipalThings(input), input),
  ),
];

function describe(account: Account, name: string): Record<string, unknown> {
  const thing = account.iot.describeThing({ thingName: name });
  const { thingName, thingArn, thingTypeName, attributes, version } = thing;
  return { thingName, thingArn, thingTypeName, attributes, version };
}
