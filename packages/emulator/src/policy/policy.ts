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
      matchesAny((principal as { [Kind in typeof kind]?: unknown } | undefined)?.[kind], name),
    );
  const trusting = statementsOf(document).filter(
    ({ Action, Principal, NotPrincipal, Condition }) =>
      matchesAny(lowerCase(Action), 'sts:assumerole') &&
      conditionHolds(Condition, variables) &&
      (NotPrincipal === undefined ? isNamed(Principal) : !isNamed(NotPrincipal)),
  );
  const effects = trusting.map(({ Effect }) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

interface Statement {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Condition?: unknown;
}

const MAX_DOCUMENTS = 1000;

const statementsOf = memoize(MAX_DOCUMENTS, (document): readonly Statement[] => {
  try {
    const { Statement } = JSON.parse(document) as { Statement?: Statement | Statement[] };
    return [Statement ?? []].flat().filter((one) => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
});

function applies(statement: Statement, request: PolicyRequest): boolean {
  const { Action, NotAction, Resource, NotResource, Condition } = statement;
  const { resource, variables } = request;
  // Actions are case-insensitive.
  const action = request.action.toLowerCase();
  const actionApplies =
    NotAction === undefined
      ? matchesAny(lowerCase(Action), action)
      : !matchesAny(lowerCase(NotAction), action);
  const resourceApplies =
    NotResource === undefined
      ? matchesAny(Resource, resource, variables)
      : !matchesAny(NotResource, resource, variables);
  return actionApplies && resourceApplies && conditionHolds(Condition, variables);
}

function matchesAny(patterns: unknown, value: string, variables?: Variables): boolean {
  return [patterns]
    .flat()
    .some((pattern) => typeof pattern === 'string' && matchesPattern(pattern, value, variables));
}

function lowerCase(patterns: unknown): readonly unknown[] {
  return [patterns]
    .flat()
    .map((pattern: unknown) => (typeof pattern === 'string' ? pattern.toLowerCase() : pattern));
}
