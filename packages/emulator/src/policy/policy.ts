import { conditionHolds } from './condition.ts';
import { matchesPattern, type Variables } from './pattern.ts';

/** One question to a policy: may this be done to that? */
export interface PolicyRequest {
  /** Such as `iot:AssumeRoleWithCertificate`. */
  readonly action: string;
  /** An ARN. */
  readonly resource: string;
  /** What `${…}` in resources and the keys of conditions stand for. */
  readonly variables?: Variables | undefined;
}

/** What a policy, or several together, say: an explicit deny wins over any allow; silence is a deny. */
export type Decision = 'allow' | 'deny' | 'silent';

/** Evaluates policy documents together. A document that is not valid JSON says nothing. */
export function evaluatePolicies(documents: readonly string[], request: PolicyRequest): Decision {
  const effects = documents
    .flatMap(statementsOf)
    .filter((statement) => applies(statement, request))
    .map(({ Effect }) => Effect);
  if (effects.includes('Deny')) return 'deny';
  return effects.includes('Allow') ? 'allow' : 'silent';
}

/** Who wants to assume a role. */
export interface Assumer {
  readonly kind: 'AWS' | 'Service';
  /** All of its names. */
  readonly names: readonly string[];
  /** The keys of conditions. */
  readonly variables: Variables;
}

/** Whether a role's trust policy lets somebody assume it. */
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

function statementsOf(document: string): readonly Statement[] {
  try {
    const { Statement } = JSON.parse(document) as { Statement?: Statement | Statement[] };
    return [Statement ?? []].flat().filter((one) => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
}

function applies(statement: Statement, request: PolicyRequest): boolean {
  const { Action, NotAction, Resource, NotResource, Condition } = statement;
  const { resource, variables } = request;
  // Actions are not told apart by the case of their letters.
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
