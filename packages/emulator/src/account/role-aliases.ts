import { isRoleArn, parseArn, roleAliasArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { partitionOf } from '../names/partitions.ts';
import { lookUp } from '../state/look-up.ts';
import { keysInOrder } from '../state/ordered.ts';
import type { RoleAlias } from '../state/records.ts';
import {
  alreadyExistsError,
  awsError,
  checkSeconds,
  notFoundError,
  type OperationContext,
} from './context.ts';
import { IOT_TAGS, type TagInput, taggedWith } from './tags.ts';

/** Operations of AWS IoT on role aliases. */
export interface RoleAliasOperations {
  /**
   * Creates a role alias. The role need not exist.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name, an ARN or a duration that is not valid,
   * `ResourceAlreadyExistsException`
   */
  createRoleAlias(input: {
    /** 1 to 128 characters: letters, digits and `_=,@-`. */
    roleAlias: string;
    /** The ARN of the role that the credential provider assumes. */
    roleArn: string;
    /** How long credentials are valid, in seconds: 900 to 43200. Default 3600. */
    credentialDurationSeconds?: number | undefined;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): { roleAlias: string; roleAliasArn: string };
  /**
   * Returns a role alias.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeRoleAlias(input: { roleAlias: string }): RoleAlias & { readonly roleAliasArn: string };
  /** Returns all role aliases, sorted. */
  listRoleAliases(input?: {
    /** False: from the last to the first. Default true. */
    ascendingOrder?: boolean | undefined;
  }): readonly string[];
  /**
   * Changes a role alias. Omitted members are unchanged.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`, `InvalidRequestException` for an ARN or a duration
   * that is not valid
   */
  updateRoleAlias(input: {
    roleAlias: string;
    /** Default: unchanged. */
    roleArn?: string | undefined;
    /** How long credentials are valid, in seconds: 900 to 43200. Default: unchanged. */
    credentialDurationSeconds?: number | undefined;
  }): { roleAlias: string; roleAliasArn: string };
  /**
   * Deletes a role alias.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  deleteRoleAlias(input: { roleAlias: string }): void;
}

const DEFAULT_SECONDS = 3600;
/** The shortest duration of credentials that AWS IoT accepts. */
export const LEAST_SECONDS = 900;

/** The operations on role aliases over the stored state. */
export function roleAliasOperations({ store, now }: OperationContext): RoleAliasOperations {
  const { state } = store;
  const get = (name: string) => {
    const alias = lookUp(state.roleAliases, name);
    if (alias === undefined) throw notFoundError(`role alias ${name}`);
    return alias;
  };
  const arn = (name: string) => roleAliasArn(state, name);
  const check = (seconds: number) =>
    checkSeconds('credentialDurationSeconds', seconds, LEAST_SECONDS, 'InvalidRequestException');
  const checkRole = (roleArn: string) => {
    const parts = parseArn(roleArn);
    const { name } = partitionOf(state.region);
    if (parts !== undefined && isRoleArn(parts) && parts.partition === name) return;
    throw awsError(
      'InvalidRequestException',
      `${roleArn} is not the ARN of a role in the partition ${name}`,
    );
  };

  return {
    createRoleAlias(input) {
      const { roleAlias, roleArn, credentialDurationSeconds = DEFAULT_SECONDS, tags } = input;
      checkName('role alias', roleAlias);
      if (lookUp(state.roleAliases, roleAlias)) {
        throw alreadyExistsError(`Role alias ${roleAlias} already exists`, {
          resourceArn: arn(roleAlias),
          resourceId: roleAlias,
        });
      }
      checkRole(roleArn);
      check(credentialDurationSeconds);
      const creationMs = now();
      store.put('roleAliases', roleAlias, {
        roleAlias,
        roleArn,
        credentialDurationSeconds,
        ...taggedWith(IOT_TAGS, tags),
        creationMs,
        lastModifiedMs: creationMs,
      });
      return { roleAlias, roleAliasArn: arn(roleAlias) };
    },
    describeRoleAlias({ roleAlias }) {
      return { ...get(roleAlias), roleAliasArn: arn(roleAlias) };
    },
    listRoleAliases({ ascendingOrder = true } = {}) {
      return keysInOrder(state.roleAliases, { isDescending: !ascendingOrder });
    },
    updateRoleAlias({ roleAlias, roleArn, credentialDurationSeconds }) {
      const alias = get(roleAlias);
      const seconds = credentialDurationSeconds ?? alias.credentialDurationSeconds;
      if (roleArn !== undefined) checkRole(roleArn);
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
