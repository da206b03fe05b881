import { EmulatorError } from '../errors.ts';
import {
  asStrings,
  type Dialect,
  type Policy,
  readPolicy,
  SID_CHARACTERS,
  type Statement,
  sidMistake,
} from './grammar.ts';
import { matchesPattern } from './pattern.ts';
import { missingPrincipals, type Principals, principalDefects } from './principals.ts';

const CODE = 'MalformedPolicyDocument';

const DIALECT: Dialect = {
  code: CODE,
  versions: [undefined, '2008-10-17', '2012-10-17'],
  effects: /^(?:Allow|Deny)$/,
  ignoresEmptyOperators: false,
  message: (mistake, found) => {
    switch (mistake) {
      case 'json':
        return 'This policy contains invalid Json';
      case 'unknown member':
        return `Unknown field ${found}`;
      case 'version':
        return 'The policy must contain a valid version string';
      case 'no statements':
        return 'Could not parse the policy: Statement is empty!';
      case 'no effect':
        return 'Missing required field Effect';
      case 'effect':
        return `Invalid effect: ${found}`;
      case 'syntax':
        return 'Syntax error in policy.';
    }
  },
};

const ACTIONS = [
  ...['sts:assumerole', 'sts:assumerolewithsaml', 'sts:assumerolewithwebidentity'],
  ...['sts:tagsession', 'sts:setsourceidentity', 'sts:setcontext'],
];
const COGNITO = 'cognito-identity.amazonaws.com';

/**
 * Checks the trust policy of a role, as IAM does.
 *
 * @throws {@link EmulatorError} `MalformedPolicyDocument`
 */
export function checkTrustPolicy(text: string, principals: Principals): void {
  const [defect] = defects(readPolicy(text, DIALECT), principals);
  if (defect !== undefined) throw new EmulatorError(defect, { code: CODE });
}

/** The messages are those that IAM was seen to send. */
function* defects({ statements }: Policy, principals: Principals): Generator<string> {
  for (const statement of statements) yield* statementDefects(statement);
  const sids = sidMistake(statements);
  if (sids === 'characters') yield SID_CHARACTERS;
  if (sids === 'equal') yield 'The Statement Ids in the policy are not unique';
  for (const { Principal } of statements) yield* missingPrincipals(Principal, principals);
}

function* statementDefects(statement: Statement): Generator<string> {
  const { Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource } = statement;
  if (NotPrincipal !== undefined) {
    yield Effect === 'Allow'
      ? 'Allow with NotPrincipal is not allowed.'
      : 'AssumeRole policy must not contain NotPrincipal field.';
  }
  yield* principalDefects(Principal);
  const actions = Action ?? NotAction ?? [];
  if (actions.length === 0) yield 'Missing required field Action';
  if (!actions.every(isAssumeRoleAction)) {
    yield 'AssumeRole policy may only specify STS AssumeRole actions.';
  }
  if (Resource !== undefined) yield 'Has prohibited field Resource';
  if (NotResource !== undefined) yield 'AssumeRole policy must not contain resources.';
  const { Federated } = Principal as { readonly Federated?: unknown };
  if (asStrings(Federated)?.includes(COGNITO) && statement.Condition === undefined) {
    yield 'A condition block must be present for the Cognito provider';
  }
}

function isAssumeRoleAction(action: string): boolean {
  const pattern = action.toLowerCase();
  return pattern.startsWith('sts:') && ACTIONS.some((name) => matchesPattern(pattern, name));
}
