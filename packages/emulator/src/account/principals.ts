import { userArn } from '../names/arns.ts';
import { partitionOf } from '../names/partitions.ts';
import type { Principals } from '../policy/principals.ts';
import { findRoleByArn, lookUp } from '../state/look-up.ts';
import type { State } from '../state/state.ts';

/**
 * The principals that trust policies of an account can name. Nothing is known of other accounts, so all of their users,
 * roles and sessions are taken as existing.
 */
export function principalsOf(state: State): Principals {
  const { name, dnsSuffix } = partitionOf(state.region);
  return {
    partition: name,
    dnsSuffix,
    exists({ service, accountId, resource }, arn) {
      if (accountId !== state.accountId) return true;
      if (service === 'iam')
        return arn === userArn(state) || findRoleByArn(state, arn) !== undefined;
      const [type, roleName = ''] = resource.split('/');
      return type === 'federated-user' || lookUp(state.roles, roleName) !== undefined;
    },
  };
}
