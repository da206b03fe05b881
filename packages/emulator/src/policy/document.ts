import { EmulatorError } from '../errors.ts';
import { isObject } from '../json.ts';
import { conditionDefect } from './condition.ts';

const VERSIONS: readonly unknown[] = [undefined, '2012-10-17', '2008-10-17'];
const MAX_LENGTH = 2048;

/**
 * Validates the document of an AWS IoT policy: JSON, and statements with an effect, an action and a resource.
 *
 * @throws {@link EmulatorError} `MalformedPolicyException`
 */
export function checkPolicyDocument(text: string): void {
  const statements = readStatements(text, malformed);
  if (text.replace(/\s/g, '').length > MAX_LENGTH) {
    throw malformed(`it is longer than ${MAX_LENGTH} characters`);
  }
  for (const statement of statements) {
    checkEither(statement, 'Action', 'NotAction');
    checkEither(statement, 'Resource', 'NotResource');
  }
}

/**
 * Validates the trust policy of a role: JSON, and statements with an effect, a principal and an action, and no
 * resource.
 *
 * @throws {@link EmulatorError} `MalformedPolicyDocument`
 */
export function checkTrustPolicy(text: string): void {
  for (const statement of readStatements(text, malformedTrust)) {
    if (statement.Principal === undefined && statement.NotPrincipal === undefined) {
      throw malformedTrust('a statement has no principal');
    }
    if (statement.NotPrincipal !== undefined && statement.Effect === 'Allow') {
      throw malformedTrust('a statement with NotPrincipal has an Effect other than Deny');
    }
    if (![statement.Action].flat().every(isStsAction)) {
      throw malformedTrust('AssumeRole policy may only specify STS AssumeRole actions.');
    }
    if (statement.Resource !== undefined || statement.NotResource !== undefined) {
      throw malformedTrust('Has prohibited field Resource');
    }
  }
}

/**
 * Validates an inline policy of a role.
 *
 * @throws {@link EmulatorError} `MalformedPolicyDocument`
 */
export function checkRolePolicy(text: string): void {
  readStatements(text, malformedTrust);
}

type Raise = (why: string, cause?: unknown) => EmulatorError;

function readStatements(text: string, raise: Raise): readonly Readonly<Record<string, unknown>>[] {
  if (typeof text !== 'string') throw raise('it is not a string');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw raise('it is not JSON', cause);
  }
  if (!isObject(document)) throw raise('it is not an object');
  if (!VERSIONS.includes(document.Version)) throw raise('its Version is not 2012-10-17');
  const statements = [document.Statement].flat();
  if (statements.length === 0) throw raise('it has no statement');
  return statements.map((statement: unknown) => {
    if (!isObject(statement)) throw raise('a statement is not an object');
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') {
      throw raise('the Effect of a statement is neither Allow nor Deny');
    }
    const defect = conditionDefect(statement.Condition);
    if (defect !== undefined) throw raise(defect);
    return statement;
  });
}

function checkEither(
  statement: Readonly<Record<string, unknown>>,
  name: string,
  inverse: string,
): void {
  const given = [name, inverse].filter((key) => statement[key] !== undefined);
  const values = [statement[given[0] ?? '']].flat();
  const isGood =
    given.length === 1 && values.length > 0 && values.every((value) => typeof value === 'string');
  if (!isGood)
    throw malformed(`a statement needs ${name} or ${inverse}: a string or a list of strings`);
}

function isStsAction(action: unknown): boolean {
  return typeof action === 'string' && /^(sts:|\*)/i.test(action);
}

function malformed(why: string, cause?: unknown): EmulatorError {
  const message = `The policy document is malformed: ${why}`;
  return new EmulatorError(message, { code: 'MalformedPolicyException', cause });
}

function malformedTrust(why: string, cause?: unknown): EmulatorError {
  const message = `The policy document is malformed: ${why}`;
  return new EmulatorError(message, { code: 'MalformedPolicyDocument', cause });
}
