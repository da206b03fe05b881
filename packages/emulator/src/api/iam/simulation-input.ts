import { isIP } from 'node:net';
import { userOf } from '../../credentials/user.ts';
import { EmulatorError } from '../../errors.ts';
import { parseArn, userArn } from '../../names/arns.ts';
import { partitionOf } from '../../names/partitions.ts';
import { ADMINISTRATOR, type IdentityPolicy, policiesOf } from '../../permissions/policies.ts';
import { roleVariables, userVariables } from '../../permissions/variables.ts';
import { isDate } from '../../policy/condition-values.ts';
import { checkIdentityPolicy } from '../../policy/identity-policy.ts';
import type { Variables } from '../../policy/pattern.ts';
import { findRoleByArn } from '../../state/look-up.ts';
import type { State } from '../../state/state.ts';
import { type Check, oneOf, structureOf, text } from '../protocol/members.ts';
import { queryList } from './members.ts';

// Lengths of IAM's API model.

/** The check of an action: its service and its name. */
export const ActionName: Check<string> = (value, name) => {
  const given = text({ min: 3, max: 128 })(value, name);
  if (!/^[^\s:]+:[^\s:]+$/.test(given)) throw invalid(`Invalid Action Name: ${given}`);
  return given;
};

/** The check of a resource: an ARN, which may have wildcards, or `*`. */
export const ResourceArn: Check<string> = (value, name) => {
  const given = text({ min: 1, max: 2048 })(value, name);
  if (given !== '*' && parseArn(given) === undefined) throw invalid(`Invalid ARN: ${given}`);
  return given;
};

const isNumber = (value: string) => /^[+-]?\d+(?:\.\d+)?$/.test(value);
const isAny = () => true;

/** The types of the values of a condition key; each is also the type of a list. */
const TYPES: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['string', isAny],
  ['numeric', isNumber],
  ['boolean', (value) => /^(?:true|false)$/i.test(value)],
  ['ip', (value) => isIP(value) !== 0],
  ['binary', isAny],
  ['date', isDate],
]);

/** A condition key of simulated requests. */
export interface ContextEntry {
  readonly ContextKeyName: string;
  readonly ContextKeyValues: readonly string[];
  /** One of the types, or one with `List`. */
  readonly ContextKeyType: string;
}

/** The check of the condition keys of simulated requests. */
export const ContextEntries: Check<readonly ContextEntry[]> = queryList(
  structureOf({
    ContextKeyName: text({ min: 5, max: 256 }),
    ContextKeyValues: queryList(text({})),
    ContextKeyType: oneOf([...TYPES.keys()].flatMap((type) => [type, `${type}List`])),
  }),
);

/** Returns the condition keys that an input has. */
export function readContext(entries: readonly ContextEntry[] = []): Variables {
  return Object.fromEntries(
    entries.map(({ ContextKeyName: name, ContextKeyValues: values, ContextKeyType: type }) => {
      const isValid = TYPES.get(type.replace('List', '')) ?? isAny;
      const other = values.find((value) => !isValid(value));
      if (other !== undefined) {
        throw invalid(`Invalid value for context key ${name}: ${other} is not of type ${type}`);
      }
      return [name, (values.length === 1 && values[0]) || values];
    }),
  );
}

/** Returns the policies in an input; the responses name them by their place in the list. */
export function readPolicies(
  { region }: State,
  list: string,
  documents: readonly string[] = [],
): readonly IdentityPolicy[] {
  return documents.map((document, index) => {
    const policyName = `${list}.${index + 1}`;
    try {
      checkIdentityPolicy(document, { isManaged: false, partition: partitionOf(region).name });
    } catch (error) {
      if (!(error instanceof EmulatorError)) throw error;
      throw invalid(`Invalid Input Policy: ${policyName}: ${error.message}`);
    }
    return { policyName, sourceId: policyName, document };
  });
}

/** The policies of a principal, and the condition keys of its requests. */
export interface Source {
  readonly policies: readonly IdentityPolicy[];
  readonly variables: Variables;
}

/**
 * Returns the policies of a role or of the account's user.
 *
 * @throws {@link EmulatorError} `InvalidInput` for another ARN, `NoSuchEntity`
 */
export function readSource(state: State, sourceArn: string): Source {
  const { service, resource = '' } = parseArn(sourceArn) ?? {};
  const [, type, name] = /^(role|user|group)\/(?:.*\/)?([^/]+)$/s.exec(resource) ?? [];
  if (service !== 'iam' || type === undefined) {
    throw invalid(`Invalid Entity Arn: ${sourceArn} does not clearly define entity type and name.`);
  }
  const role = findRoleByArn(state, sourceArn);
  if (role) return { ...policiesOf(state, role), variables: roleVariables(state, role) };
  if (sourceArn === userArn(state)) {
    const variables = { ...userVariables(sourceArn), 'aws:userid': userOf(state).userId };
    return { ...ADMINISTRATOR, variables };
  }
  throw new EmulatorError(`The ${type} with name ${name} cannot be found.`, {
    code: 'NoSuchEntity',
  });
}

/** Returns the condition keys of the requests of the user that an input names as the caller. */
export function callerVariables(callerArn: string): Variables {
  const { service, resource = '' } = parseArn(callerArn) ?? {};
  if (service !== 'iam' || !/^user\/./.test(resource)) {
    throw invalid(`Invalid Caller ARN: ${callerArn} is not the ARN of an IAM user.`);
  }
  return userVariables(callerArn);
}

/** An error of the actions that evaluate policies. */
export function invalid(message: string): EmulatorError {
  return new EmulatorError(message, { code: 'InvalidInput' });
}
