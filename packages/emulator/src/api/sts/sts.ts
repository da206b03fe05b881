import { type Grant, issueCredentials } from '../../credentials/sealed-credentials.ts';
import { timeVariables } from '../../credentials/variables.ts';
import { EmulatorError } from '../../errors.ts';
import { iamArn, roleArn, sessionArn } from '../../names/arns.ts';
import { partitionOf } from '../../names/partitions.ts';
import { trusts } from '../../policy/policy.ts';
import { findRoleByArn, lookUp } from '../../state/look-up.ts';
import type { Role } from '../../state/records.ts';
import type { State } from '../../state/state.ts';
import { integer, optional, text } from '../protocol/members.ts';
import { action, queryProtocol } from '../protocol/query.ts';
import type { Service } from '../protocol/service.ts';
import type { Caller } from '../signing/authenticate.ts';

/** The dependencies of the handlers of AWS STS. */
export interface StsContext {
  readonly state: State;
  readonly caller: Caller;
  readonly nowMs: number;
}

const DEFAULT_ROLE_SECONDS = 3600;
/** The limit for role chaining. */
const MAX_CHAINED_SECONDS = 3600;
const DEFAULT_SESSION_SECONDS = 43_200;

/** AWS STS. */
export const STS: Service<StsContext> = {
  prefix: 'sts',
  signingNames: ['sts'],
  // In the partition `aws` STS also has a global endpoint, which is signed for us-east-1.
  signingRegions: (region) =>
    partitionOf(region).name === 'aws' ? [region, 'us-east-1'] : [region],
  isOpenToRoles: true,
  ...queryProtocol({
    version: '2011-06-15',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    actions: {
      GetCallerIdentity: action({}, ({ state, caller }: StsContext) => identify(state, caller)),
      AssumeRole: action(
        {
          RoleArn: text({ min: 20, max: 2048 }),
          RoleSessionName: text({ min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ }),
          DurationSeconds: optional(integer({ min: 900, max: DEFAULT_SESSION_SECONDS })),
          ExternalId: optional(text({ min: 2, max: 1224, pattern: /^[\w+=,.@:/-]*$/ })),
        },
        (context: StsContext, input) => {
          const { DurationSeconds = DEFAULT_ROLE_SECONDS, RoleSessionName } = input;
          const { roleName, roleId, maxSessionDuration } = findRole(context, input);
          if (context.caller.kind === 'role' && DurationSeconds > MAX_CHAINED_SECONDS) {
            throw tooLong('the 1 hour session limit for roles assumed by role chaining');
          }
          if (DurationSeconds > maxSessionDuration) {
            throw tooLong('the MaxSessionDuration set for this role');
          }
          const grant = { roleName, sessionName: RoleSessionName };
          return {
            Credentials: issue(context, grant, DurationSeconds),
            AssumedRoleUser: {
              AssumedRoleId: `${roleId}:${RoleSessionName}`,
              Arn: sessionArn(context.state, roleName, RoleSessionName),
            },
          };
        },
      ),
      GetSessionToken: action(
        { DurationSeconds: optional(integer({ min: 900, max: 129_600 })) },
        (context: StsContext, { DurationSeconds = DEFAULT_SESSION_SECONDS }) => {
          if (context.caller.kind !== 'administrator') {
            throw denied('Cannot call GetSessionToken with session credentials');
          }
          return { Credentials: issue(context, { sessionName: 'session' }, DurationSeconds) };
        },
      ),
    },
  }),
};

function issue(
  { state, nowMs }: StsContext,
  grant: Omit<Grant, 'expirationMs'>,
  durationSeconds: number,
): Record<string, string> {
  const expirationMs = nowMs + durationSeconds * 1000;
  const issued = issueCredentials(state, { ...grant, expirationMs });
  return {
    AccessKeyId: issued.accessKeyId,
    SecretAccessKey: issued.secretAccessKey,
    SessionToken: issued.sessionToken,
    Expiration: issued.expiration,
  };
}

function findRole(
  { state, caller, nowMs }: StsContext,
  { RoleArn, ExternalId }: { readonly RoleArn: string; readonly ExternalId: string | undefined },
): Role {
  const arn = callerArn(state, caller);
  const isRole = caller.kind === 'role';
  const principalArn = isRole ? callerRoleArn(state, caller.roleName) : arn;
  const names = [arn, isRole ? principalArn : state.accountId];
  const variables = {
    ...timeVariables(nowMs),
    'aws:PrincipalAccount': state.accountId,
    'aws:PrincipalArn': principalArn,
    ...(ExternalId !== undefined && { 'sts:ExternalId': ExternalId }),
  };
  const role = findRoleByArn(state, RoleArn);
  if (role && trusts(role.assumeRolePolicyDocument, { kind: 'AWS', names, variables })) return role;
  throw denied(
    `User: ${arn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn.replace(/[^\x20-\x7e]/g, '?')}`,
  );
}

function identify(state: State, caller: Caller): { Arn: string; UserId: string; Account: string } {
  const Account = state.accountId;
  const Arn = callerArn(state, caller);
  if (caller.kind === 'administrator') return { Arn, UserId: Account, Account };
  const { roleName, sessionName } = caller;
  const roleId = lookUp(state.roles, roleName)?.roleId ?? roleName;
  return { Arn, UserId: `${roleId}:${sessionName}`, Account };
}

/** The ARN of a caller. */
export function callerArn(state: State, caller: Caller): string {
  return caller.kind === 'administrator'
    ? iamArn(state, 'root')
    : sessionArn(state, caller.roleName, caller.sessionName);
}

function callerRoleArn(state: State, roleName: string): string {
  return roleArn(state, roleName, lookUp(state.roles, roleName)?.path);
}

function tooLong(limit: string): EmulatorError {
  const message = `The requested DurationSeconds exceeds ${limit}.`;
  return new EmulatorError(message, { code: 'ValidationError' });
}

function denied(message: string): EmulatorError {
  return new EmulatorError(message, { code: 'AccessDenied' });
}
