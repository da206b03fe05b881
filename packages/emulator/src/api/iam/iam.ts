import { partitionOf } from '../../names/partitions.ts';
import { queryProtocol } from '../protocol/query.ts';
import type { Service } from '../protocol/service.ts';
import { MANAGED_POLICY_ACTIONS } from './managed-policies.ts';
import type { IamContext } from './members.ts';
import { IAM_PERMISSIONS } from './permissions.ts';
import { ROLE_ACTIONS } from './roles.ts';
import { SIMULATION_ACTIONS } from './simulation.ts';
import { TAG_ACTIONS } from './tags.ts';

/** AWS IAM. */
export const IAM: Service<IamContext> = {
  prefix: 'iam',
  signingNames: ['iam'],
  // IAM is global, and signed for one region; with a custom endpoint botocore signs for the client's region.
  signingRegions: (region) => [partitionOf(region).iamRegion, region],
  permissions: IAM_PERMISSIONS,
  // Without multi-factor authentication, which is not emulated, IAM does not know them (AWS STS API Reference, GetSessionToken).
  isOpenToSessions: false,
  ...queryProtocol({
    version: '2010-05-08',
    namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    actions: { ...ROLE_ACTIONS, ...MANAGED_POLICY_ACTIONS, ...TAG_ACTIONS, ...SIMULATION_ACTIONS },
  }),
};
