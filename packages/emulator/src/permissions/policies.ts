import { lookUp } from '../state/look-up.ts';
import type { Role } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { awsManagedDocument } from './aws-managed-policies.ts';

/** A policy that grants permissions, or denies them. */
export interface IdentityPolicy {
  readonly policyName: string;
  /** Its name in the responses of the policy simulator. */
  readonly sourceId: string;
  /** JSON text. */
  readonly document: string;
}

/** The policies of a principal. */
export interface PrincipalPolicies {
  readonly policies: readonly IdentityPolicy[];
  /** The ARNs of attached policies whose documents the emulator does not have: those grant nothing. */
  readonly unknown: readonly string[];
}

/** The policies of an administrator. */
export const ADMINISTRATOR: PrincipalPolicies = {
  policies: [managed('AdministratorAccess', awsManagedDocument('AdministratorAccess') ?? '')],
  unknown: [],
};

/** Returns the inline policies of a role, and those that are attached to it. */
export function policiesOf(state: State, role: Role): PrincipalPolicies {
  const { roleName, policies: inline, attachedPolicyArns } = role;
  const attached = attachedPolicyArns.map((arn) => {
    const [, ofAws] = arn.split('::aws:policy/');
    const policyName = arn.slice(arn.lastIndexOf('/') + 1);
    const document =
      ofAws === undefined
        ? lookUp(state.managedPolicies, arn)?.policyDocument
        : awsManagedDocument(ofAws);
    return document === undefined ? arn : managed(policyName, document);
  });
  return {
    policies: [
      ...Object.entries(inline).map(([policyName, document]) => ({
        policyName,
        sourceId: `role_${roleName}_${policyName}`,
        document,
      })),
      ...attached.filter((one) => typeof one !== 'string'),
    ],
    unknown: attached.filter((one) => typeof one === 'string'),
  };
}

function managed(policyName: string, document: string): IdentityPolicy {
  return { policyName, sourceId: policyName, document };
}
