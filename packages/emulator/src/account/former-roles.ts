import { roleArn, sessionArn } from '../names/arns.ts';
import { renamePrincipals } from '../policy/rename-principals.ts';
import type { Role } from '../state/records.ts';
import type { OperationContext } from './context.ts';

/**
 * Names a role that is deleted by its id in the trust policies of others: they do not trust a new role of that name. In
 * IAM all trust policies have ids, which are shown as ARNs as long as the roles exist.
 */
export function nameById({ store }: OperationContext, { roleName, roleId, path }: Role): void {
  const { state } = store;
  const arn = roleArn(state, roleName, path);
  const session = sessionArn(state, roleName, '');
  const rename = (name: string) => {
    if (name === arn) return roleId;
    return name.startsWith(session) ? `${roleId}:${name.slice(session.length)}` : name;
  };
  for (const role of Object.values(state.roles)) {
    const assumeRolePolicyDocument = renamePrincipals(role.assumeRolePolicyDocument, rename);
    if (assumeRolePolicyDocument === role.assumeRolePolicyDocument) continue;
    store.put('roles', role.roleName, { ...role, assumeRolePolicyDocument });
  }
}
