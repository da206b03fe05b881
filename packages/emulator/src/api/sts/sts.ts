import { issueCredentials, type Principal } from '../../credentials/sealed-credentials.ts';
import { userOf } from '../../credentials/user.ts';
import { sessionVariables, timeVariables } from '../../credentials/variables.ts';
import { EmulatorError } from '../../errors.ts';
import { iamArn, isRoleArn, parseArn, printable, roleArn, sessionArn } from '../../names/arns.ts';
import { partitionOf } from '../../names/partitions.ts';
import type { Authorize } from '../../permissions/authorize.ts';
import { trusts } from '../../policy/policy.ts';
import { findRoleByArn } from '../../state/look-up.ts';
import type { Role } from '../../state/records.ts';
import type { State } from '../../state/state.ts';
import { type Check, integer, optional, text } from '../protocol/members.ts';
import { action, queryProtocol } from '../protocol/query.ts';
import type { Service } from '../protocol/service.ts';
import type { Caller } from '../signing/authenticate.ts';

/** The dependencies of the handlers of AWS STS. */
export interface StsContext {
  readonly state: State;
  /** Records that credentials of a role were issued. */
  readonly account: { readonly useRole: (role: Role) => void };
  readonly caller: Caller;
  /** Decides by the policies of the caller. */
  readonly authorize: Authorize;
  readonly nowMs: number;
}

const DEFAULT_ROLE_SECONDS = 3600;
/** The limit for role chaining. */
const MAX_CHAINED_SECONDS = 3600;
const DEFAULT_SESSION_SECONDS = 43_200;
const MAX_SESSION_SECONDS = 129_600;
/** A longer session of the root user ends after this time, too. */
const MAX_ROOT_SECONDS = 3600;

/** The check of a role's ARN: the first of all, as on AWS. */
const RoleArn: Check<string> = (value, name) => {
  const given = text({ min: 20, max: 2048 })(value, name);
  const arn = parseArn(given);
  if (arn === undefined) throw invalid(`${printable(given)} is invalid`);
  if (!isRoleArn(arn)) throw invalid('Request ARN is invalid');
  return given;
};

/** AWS STS. */
export const STS: Service<StsContext> = {
  prefix: 'sts',
  signingNames: ['sts'],
  // In the partition `aws` STS also has a global endpoint, which is signed for us-east-1.
  signingRegions: (region) =>
    partitionOf(region).name === 'aws' ? [region, 'us-east-1'] : [region],
  permissions: {
    GetCallerIdentity: () => [],
    // Role and caller decide together: see the action.
    AssumeRole: () => [],
    GetSessionToken: () => [],
  },
  isOpenToSessions: true,
  ...queryProtocol({
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    actions: {
      GetCallerIdentity: action({}, ({ state, caller }: StsContext) => identify(state, caller)),
      AssumeRole: action(
        {
          RoleArn,
          RoleSessionName: text({ min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ }),
          DurationSeconds: optional(integer({ min: 900, max: 43_200 })),
          ExternalId: optional(text({ min: 2, max: 1224, pattern: /^[\w+=,.@:/-]*$/ })),
        },
        (context: StsContext, input) => {
          const { DurationSeconds = DEFAULT_ROLE_SECONDS, RoleSessionName } = input;
          const role = findRole(context, input);
          const { roleName, roleId, maxSessionDuration } = role;
          if (context.caller.kind === 'role' && DurationSeconds > MAX_CHAINED_SECONDS) {
            throw tooLong('the 1 hour session limit for roles assumed by role chaining');
          }
          if (DurationSeconds > maxSessionDuration) {
            throw tooLong('the MaxSessionDuration set for this role');
          }
          const sessionName = RoleSessionName;
          const variables = sessionVariables(context.nowMs);
          const principal = { kind: 'role', roleName, roleId, sessionName, variables } as const;
          context.account.useRole(role);
          return {
            Credentials: issue(context, principal, DurationSeconds),
            AssumedRoleUser: {
              AssumedRoleId: `${roleId}:${RoleSessionName}`,
              Arn: sessionArn(context.state, roleName, RoleSessionName),
            },
          };
        },
      ),
      GetSessionToken: action(
        { DurationSeconds: optional(integer({ min: 900, max: MAX_SESSION_SECONDS })) },
        (context: StsContext, { DurationSeconds = DEFAULT_SESSION_SECONDS }) => {
          const { caller } = context;
          if (caller.kind === 'role' || caller.isSession) {
            throw denied('Cannot call GetSessionToken with session credentials');
          }
          const { kind } = caller;
          const most = kind === 'root' ? MAX_ROOT_SECONDS : MAX_SESSION_SECONDS;
          return { Credentials: issue(context, { kind }, Math.min(DurationSeconds, most)) };
        },
      ),
    },
  }),
};

function issue(
  { state, nowMs }: StsContext,
  principal: Principal,
  durationSeconds: number,
): Record<string, string> {
  const expirationMs = nowMs + durationSeconds * 1000;
  const issued = issueCredentials(state, { principal, expirationMs });
  return {
    AccessKeyId: issued.accessKeyId,
    SecretAccessKey: issued.secretAccessKey,
    SessionToken: issued.sessionToken,
    Expiration: issued.expiration,
  };
}

function findRole(
  { state, caller, authorize, nowMs }: StsContext,
  {
    RoleArn,
    RoleSessionName,
    ExternalId,
  }: {
    readonly RoleArn: string;
    readonly RoleSessionName: string;
    readonly ExternalId: string | undefined;
  },
): Role {
  if (caller.kind === 'root') throw denied('Roles may not be assumed by root accounts.');
  const arn = callerArn(state, caller);
  const principalArn = caller.kind === 'role' ? ownRoleArn(state, caller.role) : arn;
  const given = {
    'sts:RoleSessionName': RoleSessionName,
    ...(ExternalId !== undefined && { 'sts:ExternalId': ExternalId }),
  };
  const own = authorize({ action: 'sts:AssumeRole', resource: RoleArn, variables: given });
  if (own.effect === 'Deny') throw denied(own.message);
  const variables = {
    ...timeVariables(nowMs),
    'aws:PrincipalAccount': state.accountId,
    'aws:PrincipalArn': principalArn,
    ...given,
  };
  // A trust in the account is one in those whose own policies allow it; a trust in a principal needs no policy of its own.
  const names = [
    ...new Set([arn, principalArn]),
    ...(own.effect === 'Allow' ? [state.accountId, iamArn(state, 'root')] : []),
  ];
  const role = findRoleByArn(state, RoleArn);
  if (role && trusts(role.assumeRolePolicyDocument, { kind: 'AWS', names, variables })) return role;
  throw denied(
    `User: ${arn} is not authorized to perform: sts:AssumeRole on resource: ${printable(RoleArn)}`,
  );
}

function identify(state: State, caller: Caller): { Arn: string; UserId: string; Account: string } {
  const Account = state.accountId;
  return { Arn: callerArn(state, caller), UserId: userIdOf(state, caller), Account };
}

function userIdOf(state: State, caller: Caller): string {
  if (caller.kind === 'role') return `${caller.role.roleId}:${caller.sessionName}`;
  return caller.kind === 'root' ? state.accountId : userOf(state).userId;
}

/** The ARN of a caller. */
export function callerArn(state: State, caller: Caller): string {
  if (caller.kind === 'role') return sessionArn(state, caller.role.roleName, caller.sessionName);
  return caller.kind === 'root' ? iamArn(state, 'root') : userOf(state).userArn;
}

function ownRoleArn(state: State, { roleName, path }: Role): string {
  return roleArn(state, roleName, path);
}

function tooLong(limit: string): EmulatorError {
  return invalid(`The requested DurationSeconds exceeds ${limit}.`);
}

function invalid(message: string): EmulatorError {
  return new EmulatorError(message, { code: 'ValidationError' });
}

function denied(message: string): EmulatorError {
  return new EmulatorError(message, { code: 'AccessDenied' });
}
