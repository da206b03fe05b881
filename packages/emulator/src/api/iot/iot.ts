import { restJson } from '../protocol/rest-json.ts';
import type { Service } from '../protocol/service.ts';
import { CERTIFICATE_OPERATIONS } from './certificates.ts';
import type { IotContext } from './context.ts';
import { IOT_PERMISSIONS } from './permissions.ts';
import { POLICY_OPERATIONS } from './policies.ts';
import { ROLE_ALIAS_OPERATIONS } from './role-aliases.ts';
import { TAG_OPERATIONS } from './tags.ts';
import { THING_GROUP_OPERATIONS } from './thing-groups.ts';
import { THING_TYPE_OPERATIONS } from './thing-types.ts';
import { THING_OPERATIONS } from './things.ts';

/** AWS IoT. */
export const IOT: Service<IotContext> = {
  prefix: 'iot',
  // Older service models, such as the one in Debian's botocore, sign for the second name.
  signingNames: ['iot', 'execute-api'],
  signingRegions: (region) => [region],
  permissions: IOT_PERMISSIONS,
  isOpenToSessions: true,
  ...restJson([
    ...THING_OPERATIONS,
    ...THING_TYPE_OPERATIONS,
    ...THING_GROUP_OPERATIONS,
    ...CERTIFICATE_OPERATIONS,
    ...POLICY_OPERATIONS,
    ...ROLE_ALIAS_OPERATIONS,
    ...TAG_OPERATIONS,
  ]),
};
