import { memoize } from '../memo.ts';
import { conditionHolds } from './condition.ts';
import { matchesPattern, type Variables } from './pattern.ts';

/** An authorization request: action and resource. */
export interface PolicyRequest {
  /** Such as `iot:AssumeRoleWithCertificate`. */
  readonly action: string;
  /** An ARN. */
  readonly resource: string;
  /** The values of `${…}` in resources and of condition keys. */
  readonly variables?: Variables | undefined;
}

/** The result of an evaluation: an explicit deny overrides any allow; the default is an implicit deny. */
export type Decision = 'allow' | 'deny' | 'silent';

/** Evaluates policy documents together. A document that is not valid JSON is ignored. */
export function evaluatePolicies(documents: readonly string[], request: PolicyRequest): Decision {
  const effects = documents
    .flatMap(statementsOf)
    .filter((statement) => applies(statement, request))
    .map(({ Effect }) => Effect);
  if (effects.includes('Deny')) return 'deny';
  return effects.includes('Allow') ? 'allow' : 'silent';
}

/** The principal that requests a role. */
export interface Assumer {
  readonly kind: 'AWS' | 'Service';
  /** All of its names. */
  readonly names: readonly string[];
  /** The keys of conditions. */
  readonly variables: Variables;
}

/** Whether a role's trust policy allows a principal to assume it. */
export function trusts(document: string, { kind, names, variables }: Assumer): boolean {
  const isNamed = (principal: unknown) =>
    principal === '*' ||
    names.some((name) =>
      matchesAny(
        toPatterns((principal as { [Kind in typeof kind]?: unknown } | undefined)?.[kind]),
        name,
      ),
    );
  const trusting = statementsOf(document).filter(
    ({ action, Principal, NotPrincipal, Condition }) =>
      !action.isInverse &&
      covers(action, 'sts:assumerole') &&
      conditionHolds(Condition, variables) &&
      (NotPrincipal === undefined ? isNamed(Principal) : !isNamed(NotPrincipal)),
  );
  const effects = trusting.map(({ Effect }) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

/** A statement as in a document. */
interface RawStatement {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Condition?: unknown;
}

/** The values that patterns match, or, if inverse, those that they do not match. */
interface Scope {
  readonly patterns: readonly string[];
  readonly isInverse: boolean;
}

/** A statement that is ready for evaluation. */
interface Statement extends RawStatement {
  /** Its patterns are in lower case: actions are case-insensitive. */
  readonly action: Scope;
  readonly resource: Scope;
}

const MAX_DOCUMENTS = 1000;

const statementsOf = memoize(MAX_DOCUMENTS, (document): readonly Statement[] =>
  readStatements(document).map((statement) => {
    const { Action, NotAction, Resource, NotResource } = statement;
    const action = toScope(Action, NotAction);
    const patterns = action.patterns.map((pattern) => pattern.toLowerCase());
    const resource = toScope(Resource, NotResource);
    return { ...statement, action: { ...action, patterns }, resource };
  }),
);

function readStatements(document: string): readonly RawStatement[] {
  try {
    const { Statement } = JSON.parse(document) as { Statement?: RawStatement | RawStatement[] };
    return [Statement ?? []].flat().filter((one) => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
}

function toScope(patterns: unknown, inverse: unknown): Scope {
  const isInverse = inverse !== undefined;
  return { patterns: toPatterns(isInverse ? inverse : patterns), isInverse };
}

function toPatterns(patterns: unknown): readonly string[] {
  return [patterns].flat().filter((pattern) => typeof pattern === 'string');
}

function applies(statement: Statement, request: PolicyRequest): boolean {
  const { resource, variables } = request;
  return (
    covers(statement.action, request.action.toLowerCase()) &&
    covers(statement.resource, resource, variables) &&
    conditionHolds(statement.Condition, variables)
  );
}

function covers({ patterns, isInverse }: Scope, value: string, variables?: Variables): boolean {
  return matchesAny(patterns, value, variables) !== isInverse;
}

function matchesAny(patterns: readonly string[], value: string, variables?: Variables): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, value, variables));
}
