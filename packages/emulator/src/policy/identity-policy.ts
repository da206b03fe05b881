import { EmulatorError } from '../errors.ts';
import { hasConditionValues } from './condition-values.ts';
import { type Dialect, type Policy, readPolicy, SID_CHARACTERS, sidMistake } from './grammar.ts';
import { MISREAD_ARN, resourceDefect } from './resource.ts';

const CODE = 'MalformedPolicyDocument';
const EFFECTS = ['Allow', 'Deny'];

const DIALECT: Dialect = {
  code: CODE,
  versions: [undefined, '2008-10-17', '2012-10-17'],
  effects: /^(?:Allow|Deny)$/i,
  ignoresEmptyOperators: true,
  message: () => 'Syntax errors in policy.',
};

/** Which policy of IAM it is, and where. */
export interface IdentityPolicyKind {
  /** A managed policy must have the latest version of the language; an inline policy can omit it. */
  readonly isManaged: boolean;
  /** The account's partition, such as `aws`. */
  readonly partition: string;
}

/**
 * Checks the document of a policy that grants permissions to a role, as IAM does.
 *
 * @throws {@link EmulatorError} `MalformedPolicyDocument`
 */
export function checkIdentityPolicy(text: string, kind: IdentityPolicyKind): void {
  const [defect] = defects(readPolicy(text, DIALECT), kind);
  if (defect !== undefined) throw new EmulatorError(defect, { code: CODE });
}

/** The defects in the order in which IAM reports them. The messages are those that IAM was seen to send. */
function* defects(
  { Version, statements }: Policy,
  { isManaged, partition }: IdentityPolicyKind,
): Generator<string> {
  if (isManaged && Version !== '2012-10-17') {
    yield 'Policy document must be version 2012-10-17 or greater.';
  }
  if (statements.some((one) => one.Principal !== undefined || one.NotPrincipal !== undefined)) {
    yield 'Policy document should not specify a principal.';
  }
  const actions = statements.map(({ Action, NotAction }) => Action ?? NotAction ?? []);
  const resources = statements.map(({ Resource, NotResource }) => Resource ?? NotResource ?? []);
  const badResource = resources
    .flat()
    .map((resource) => resourceDefect(resource, partition))
    .find((defect) => defect !== undefined);
  const isMisread =
    badResource === MISREAD_ARN ||
    statements.some(
      ({ Effect, Condition }) => !EFFECTS.includes(Effect) || !hasConditionValues(Condition),
    );
  if (isMisread) yield 'The policy failed legacy parsing';
  const sids = sidMistake(statements);
  if (sids === 'characters') yield SID_CHARACTERS;
  if (sids === 'equal') yield 'Statement IDs (SID) in a single policy must be unique.';
  if (actions.some(({ length }) => length === 0)) yield 'Policy statement must contain actions.';
  if (resources.some(({ length }) => length === 0)) {
    yield 'Policy statement must contain resources.';
  }
  if (badResource !== undefined) yield badResource;
  for (const action of actions.flat()) yield* actionDefects(action);
}

function* actionDefects(action: string): Generator<string> {
  if (action === '*') return;
  const [vendor = '', ...names] = action.split(':');
  if (names.length === 0) {
    yield 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.';
  }
  if (names.length > 1) yield 'Actions/Condition can contain only one colon.';
  if (/[*?]/.test(vendor) && action !== '*:*') {
    yield 'Action vendors (e.g., aws, ec2, etc.) must not contain wildcards.';
  }
  if (!/^(?:[a-zA-Z0-9.-]+|\*)$/.test(vendor)) yield `Vendor ${vendor} is not valid`;
}
