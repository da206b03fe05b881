import { roleAliasArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { lookUp, type RoleAlias } from '../state/state.ts';
import { checkSeconds, missing, type OperationContext, present } from './context.ts';

/** Operations of AWS IoT on role aliases. */
export interface RoleAliasOperations {
  createRoleAlias(input: {
    roleAlias: string;
    roleArn: string;
    /** 900 to 43200; default 3600. */
    credentialDurationSeconds?: number | undefined;
  }): { roleAlias: string; roleAliasArn: string };
  describeRoleAlias(input: { roleAlias: string }): RoleAlias & { readonly roleAliasArn: string };
  updateRoleAlias(input: {
    roleAlias: string;
    roleArn?: string | undefined;
    credentialDurationSeconds?: number | undefined;
  }): { roleAlias: string; roleAliasArn: string };
  deleteRoleAlias(input: { roleAlias: string }): void;
}

const DEFAULT_SECONDS = 3600;
const LEAST_SECONDS = 900;

/** The operations on role aliases over the stored state. */
export function roleAliasOperations({ store, now }: OperationContext): RoleAliasOperations {
  const { state } = store;
  const get = (name: string) => {
    const alias = lookUp(state.roleAliases, name);
    if (alias === undefined) throw missing(`role alias ${name}`);
    return alias;
  };
  const arn = (name: string) => roleAliasArn(state, name);
  const check = (seconds: number) =>
    checkSeconds('credentialDurationSeconds', seconds, LEAST_SECONDS, 'InvalidRequestException');

  return {
    createRoleAlias({ roleAlias, roleArn, credentialDurationSeconds = DEFAULT_SECONDS }) {
      checkName('role alias', roleAlias);
      if (lookUp(state.roleAliases, roleAlias)) throw present(`role alias ${roleAlias}`);
      check(credentialDurationSeconds);
      const creationMs = now();
      store.put('roleAliases', roleAlias, {
        roleAlias,
        roleArn,
        credentialDurationSeconds,
        creationMs,
        lastModifiedMs: creationMs,
      });
      return { roleAlias, roleAliasArn: arn(roleAlias) };
    },
    describeRoleAlias({ roleAlias }) {
      return { ...get(roleAlias), roleAliasArn: arn(roleAlias) };
    },
    updateRoleAlias({ roleAlias, roleArn, credentialDurationSeconds }) {
      const alias = get(roleAlias);
      const seconds = credentialDurationSeconds ?? alias.credentialDurationSeconds;
      check(seconds);
      store.put('roleAliases', roleAlias, {
        ...alias,
        roleArn: roleArn ?? alias.roleArn,
        credentialDurationSeconds: seconds,
        lastModifiedMs: now(),
      });
      return { roleAlias, roleAliasArn: arn(roleAlias) };
    },
    deleteRoleAlias({ roleAlias }) {
      get(roleAlias);
      store.remove('roleAliases', roleAlias);
    },
  };
}
