import { timeVariables } from '../credentials/variables.ts';
import { roleArn } from '../names/arns.ts';
import { partitionOf } from '../names/partitions.ts';
import type { Variables } from '../policy/pattern.ts';
import type { Role } from '../state/records.ts';
import type { State } from '../state/state.ts';

/** Returns the condition keys of all requests to a service: IAM User Guide, "AWS global condition context keys". */
export function requestVariables(state: State, service: string, nowMs: number): Variables {
  const { iamRegion } = partitionOf(state.region);
  return {
    ...timeVariables(nowMs),
    // As on AWS, whose APIs have TLS only.
    'aws:SecureTransport': 'true',
    'aws:RequestedRegion': service === 'iam' ? iamRegion : state.region,
    'aws:ViaAWSService': 'false',
    'aws:PrincipalIsAWSService': 'false',
    'aws:PrincipalAccount': state.accountId,
  };
}

/** Returns the condition keys of all requests of a role's sessions. */
export function roleVariables(state: State, { roleName, path, tags = [] }: Role): Variables {
  return {
    'aws:PrincipalType': 'AssumedRole',
    'aws:PrincipalArn': roleArn(state, roleName, path),
    'aws:MultiFactorAuthPresent': 'false',
    ...Object.fromEntries(tags.map(({ Key, Value }) => [`aws:PrincipalTag/${Key}`, Value])),
  };
}

/** Returns the condition keys of all requests of an IAM user with its long-term access key. */
export function userVariables(arn: string): Variables {
  return {
    'aws:PrincipalType': 'User',
    'aws:PrincipalArn': arn,
    'aws:username': arn.slice(arn.lastIndexOf('/') + 1),
  };
}
