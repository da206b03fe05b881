import { body, integer, optional, query, text, uri } from '../protocol/members.ts';
import { operation, type RestOperation } from '../protocol/rest-json.ts';
import {
  ascendingOrder,
  type IotContext,
  listedByMarker,
  listPartByMarker,
  roleAlias as roleAliasText,
  roleArn,
  seconds,
} from './context.ts';
import { endpointAddress } from './endpoints.ts';
import { tags } from './tags.ts';

const roleAlias = uri(roleAliasText);
const credentialDurationSeconds = body(optional(integer({ min: 900, max: 43_200 })));

/** Operations of AWS IoT on role aliases, and `DescribeEndpoint`: method, path, members and handlers. */
export const ROLE_ALIAS_OPERATIONS: readonly RestOperation<IotContext>[] = [
  operation(
    'CreateRoleAlias',
    'POST',
    '/role-aliases/{roleAlias}',
    { roleAlias, roleArn: body(roleArn), credentialDurationSeconds, tags },
    ({ account }, input) => account.iot.createRoleAlias(input),
  ),
  operation(
    'DescribeRoleAlias',
    'GET',
    '/role-aliases/{roleAlias}',
    { roleAlias },
    ({ account }, input) => {
      const alias = account.iot.describeRoleAlias(input);
      return {
        roleAliasDescription: {
          roleAlias: alias.roleAlias,
          roleAliasArn: alias.roleAliasArn,
          roleArn: alias.roleArn,
          owner: account.accountId,
          credentialDurationSeconds: alias.credentialDurationSeconds,
          creationDate: seconds(alias.creationMs),
          lastModifiedDate: seconds(alias.lastModifiedMs),
        },
      };
    },
  ),
  operation(
    'UpdateRoleAlias',
    'PUT',
    '/role-aliases/{roleAlias}',
    { roleAlias, roleArn: body(optional(roleArn)), credentialDurationSeconds },
    ({ account }, input) => account.iot.updateRoleAlias(input),
  ),
  operation(
    'DeleteRoleAlias',
    'DELETE',
    '/role-aliases/{roleAlias}',
    { roleAlias },
    ({ account }, input) => account.iot.deleteRoleAlias(input),
  ),
  operation(
    'ListRoleAliases',
    'GET',
    '/role-aliases',
    { ...listedByMarker, ascendingOrder },
    ({ account }, input) =>
      listPartByMarker(
        'roleAliases',
        { items: account.iot.listRoleAliases(input), isDescending: input.ascendingOrder === false },
        input,
      ),
  ),
  operation(
    'DescribeEndpoint',
    'GET',
    '/endpoint',
    { endpointType: query(optional(text({ max: 128 }))) },
    ({ account, credentialsEndpoint }, { endpointType = 'iot:Data' }) => ({
      endpointAddress: endpointAddress(account, endpointType, credentialsEndpoint),
    }),
  ),
];
