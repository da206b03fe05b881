import { iotArn, roleAliasArn, thingGroupArn } from '../names/arns.ts';
import { USE_ROLE_ALIAS } from '../policy/device-policies.ts';
import { findDecidingStatement } from '../policy/policy.ts';
import { defaultDocument, lookUp, withParentGroups } from '../state/look-up.ts';
import type { Certificate, Thing } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { Refusal } from './refusal.ts';
import { allowAlias, detachPolicy } from './remedies.ts';
import type { CredentialRequest, Step } from './steps.ts';
import { policyVariables, timeVariables } from './variables.ts';

/** What a request is for. */
interface Wanted {
  readonly certificate: Certificate;
  readonly aliasName: string;
  readonly nowMs: number;
}

/**
 * Checks that the AWS IoT policies of a certificate and its thing allow it to use a role alias.
 *
 * @throws {@link Refusal}
 */
export function checkPolicies(
  state: State,
  { thingName, sourceIp }: CredentialRequest,
  { certificate, aliasName, nowMs }: Wanted,
): Step {
  const action = USE_ROLE_ALIAS;
  const resource = roleAliasArn(state, aliasName);
  const thing = thingName === undefined ? undefined : lookUp(state.things, thingName);
  const attached = attachedPolicies(state, certificate, thing);
  const variables = {
    ...timeVariables(nowMs),
    'aws:SourceIp': sourceIp,
    ...policyVariables(certificate, thing),
  };
  const documents = attached.map(({ document }) => document);
  const found = findDecidingStatement(documents, { action, resource, variables });
  const { policyName = '', target = '' } = attached[found?.document ?? -1] ?? {};
  const policy = found && {
    policyName,
    target,
    effect: found.effect,
    statement: found.statement,
  };
  const who = thingName === undefined ? 'a request without a thing name' : `thing ${thingName}`;
  const what = `${action} on ${resource} for ${who}`;
  if (policy?.effect === 'Allow') {
    return { name: 'policy', seen: `policy ${policyName} allows ${what}`, policy };
  }
  const names = attached.map((one) => one.policyName).join(', ') || 'none';
  const verb = policy === undefined ? 'do not allow' : 'deny';
  throw new Refusal(
    'policy',
    `the attached policies (${names}) ${verb} ${what}`,
    () =>
      policy === undefined
        ? allowAlias(state, certificate, aliasName, variables)
        : detachPolicy(policyName, target),
    policy,
  );
}

/** A policy, and what it is attached to. */
interface AttachedPolicy {
  readonly policyName: string;
  /** The ARN of a certificate or a thing group. */
  readonly target: string;
  readonly document: string;
}

/** The policies of a certificate, of the groups that its thing is in, and of those above them. */
function attachedPolicies(
  state: State,
  { certificateId: id }: Certificate,
  thing: Thing | undefined,
): readonly AttachedPolicy[] {
  const groups = [...(thing ? state.thingMemberships.targetsOf(thing.thingName) : [])]
    .flatMap((name) => withParentGroups(state, name))
    .map(({ thingGroupName }) => thingGroupName);
  const all = [
    { target: iotArn(state, `cert/${id}`), names: state.certificatePolicies.targetsOf(id) },
    ...groups.map((name) => ({
      target: thingGroupArn(state, name),
      names: state.thingGroupPolicies.targetsOf(name),
    })),
  ];
  return all.flatMap(({ target, names }) =>
    [...names].flatMap((policyName) => {
      const policy = lookUp(state.policies, policyName);
      return policy ? { policyName, target, document: defaultDocument(policy) } : [];
    }),
  );
}
