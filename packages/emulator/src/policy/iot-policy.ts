import { EmulatorError } from '../errors.ts';
import {
  type Dialect,
  documentSize,
  type Policy,
  readPolicy,
  type Statement,
  sidMistake,
} from './grammar.ts';

const CODE = 'MalformedPolicyException';
const SYNTAX = 'Invalid policy syntax.';

const DIALECT: Dialect = {
  code: CODE,
  versions: ['2012-10-17'],
  effects: /^(?:Allow|Deny)$/,
  ignoresEmptyOperators: false,
  message: (mistake, found) => malformed(describe(mistake, found)),
};

function describe(mistake: Parameters<Dialect['message']>[0], found: string): string {
  switch (mistake) {
    case 'version':
      return 'Unknown policy document version. It must be version 2012-10-17';
    case 'no statements':
      return 'Policy has no statements';
    case 'no effect':
      return 'Missing required field Effect';
    case 'effect':
      return `Invalid effect: ${found}`;
    default:
      return SYNTAX;
  }
}

const MAX_SIZE = 2048;
const TOO_LONG = `Size of a policy document cannot exceeds hard limit of ${MAX_SIZE}`;

/**
 * Checks the document of an AWS IoT policy.
 *
 * @throws {@link EmulatorError} `MalformedPolicyException`
 */
export function checkIotPolicy(text: string): void {
  const isTooLong = documentSize(text) > MAX_SIZE;
  const [defect] = isTooLong ? [TOO_LONG] : defects(readPolicy(text, DIALECT));
  if (defect !== undefined) throw new EmulatorError(malformed(defect), { code: CODE });
}

function* defects({ statements }: Policy): Generator<string> {
  for (const statement of statements) yield* statementDefects(statement);
  if (sidMistake(statements) !== undefined) yield SYNTAX;
}

function* statementDefects(statement: Statement): Generator<string> {
  const { Action, NotAction, Resource, NotResource, Principal, NotPrincipal } = statement;
  if (Principal !== undefined || NotPrincipal !== undefined) yield SYNTAX;
  const actions = Action ?? NotAction ?? [];
  const resources = Resource ?? NotResource ?? [];
  if (actions.length === 0) yield 'Missing required field Action';
  if (resources.length === 0) yield 'Missing required field Resource';
  const badAction = actions.find((action) => !ACTION.test(action));
  if (badAction !== undefined) yield `The following actions are invalid : ${badAction}`;
  const badResource = resources.find((resource) => !RESOURCE.test(resource));
  if (badResource !== undefined) yield `The following resources are invalid : ${badResource}`;
}

/** Actions of devices: of AWS IoT, of its jobs over HTTP, and of AWS IoT Greengrass. */
const ACTION = /^(?:\*|(?:iot|iotjobsdata|greengrass):[\w*?]+)$/i;
const RESOURCE = /^(?:\*|arn:[^:]+:[^:]+:.+)$/s;

function malformed(why: string): string {
  return `Policy document is Malformed: ${why}`;
}
