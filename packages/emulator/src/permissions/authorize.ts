import { printable, sessionArn } from '../names/arns.ts';
import type { Variables } from '../policy/pattern.ts';
import { findDecidingStatement } from '../policy/policy.ts';
import type { Role } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { policiesOf } from './policies.ts';
import { requestVariables, roleVariables } from './variables.ts';

/** What a request needs: an action on a resource. */
export interface Permission {
  /** Such as `iot:DescribeThing`. */
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  /** Condition keys of this action. */
  readonly variables?: Variables;
}

/** Returns the permissions that an operation needs. */
export type Permissions = (
  state: State,
  input: Readonly<Record<string, unknown>>,
) => readonly Permission[];

/** Whether the policies of a caller allow something. */
export interface Decision {
  readonly effect: 'Allow' | 'Deny' | 'none';
  /** AWS's message if it is not allowed. */
  readonly message: string;
  /** Which policies were looked at, and what they say. */
  readonly reason: string;
}

/** Decides about a permission of a caller. */
export type Authorize = (permission: Permission) => Decision;

/** Allows everything. */
export const ALLOW_ALL: Authorize = () => ({ effect: 'Allow', message: '', reason: '' });

/** A session of a role, in a request. */
export interface RoleSession {
  readonly role: Role;
  readonly sessionName: string;
  /** The condition keys that the session has since it began. */
  readonly variables: Variables;
}

/** The properties of a request that conditions can be about. */
export interface RequestFacts {
  /** The prefix of the service's actions. */
  readonly service: string;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  readonly nowMs: number;
}

/** Returns the function that decides about the permissions of a role's session in a request, by the role's policies. */
export function authorizerOf(
  state: State,
  session: RoleSession,
  { service, sourceIp, userAgent, nowMs }: RequestFacts,
): Authorize {
  const { role, sessionName } = session;
  const common = {
    ...requestVariables(state, service, nowMs),
    ...roleVariables(state, role),
    'aws:userid': `${role.roleId}:${sessionName}`,
    'aws:SourceIp': sourceIp,
    ...(userAgent !== undefined && { 'aws:UserAgent': userAgent }),
    ...session.variables,
  };
  const { policies, unknown } = policiesOf(state, role);
  const documents = policies.map(({ document }) => document);
  const who = `User: ${sessionArn(state, role.roleName, sessionName)} is not authorized to perform:`;
  return ({ action, resource, variables }) => {
    const request = {
      action,
      resource,
      variables: variables ? { ...common, ...variables } : common,
    };
    const found = findDecidingStatement(documents, request);
    const refusal = `${who} ${action} on resource: ${printable(resource)}`;
    const what = `${action} on ${printable(resource)}`;
    if (found === undefined) {
      const names = policies.map(({ policyName }) => policyName).join(', ') || 'none';
      const grantNothing = unknown.map((arn) => `; the emulator does not have ${arn}`).join('');
      return {
        effect: 'none',
        message: `${refusal} because no identity-based policy allows the ${action} action`,
        reason: `the policies of role ${role.roleName} (${names}) do not allow ${what}${grantNothing}`,
      };
    }
    const { policyName = '' } = policies[found.document] ?? {};
    const { Sid = `number ${found.index + 1}` } = found.statement;
    const verb = found.effect === 'Deny' ? 'denies' : 'allows';
    return {
      effect: found.effect,
      message: `${refusal} with an explicit deny in an identity-based policy`,
      reason: `policy ${policyName} of role ${role.roleName} ${verb} ${what}: statement ${Sid}`,
    };
  };
}
