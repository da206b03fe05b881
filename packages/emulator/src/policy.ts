/** One question to a policy: may this be done to that? */
export interface PolicyRequest {
  /** Such as `iot:AssumeRoleWithCertificate`. */
  readonly action: string;
  /** An ARN. */
  readonly resource: string;
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

/** Whether a role's trust policy lets a service assume it. */
export function trustsService(document: string, service: string): boolean {
  return trusts(document, 'Service', [service]);
}

/** Whether a role's trust policy lets an AWS principal assume it, under any of its names. */
export function trustsPrincipal(document: string, names: readonly string[]): boolean {
  return trusts(document, 'AWS', names);
}

function trusts(document: string, kind: 'AWS' | 'Service', names: readonly string[]): boolean {
  const trusting = statementsOf(document).filter(
    ({ Action, Principal }) =>
      matchesAny(Action, 'sts:AssumeRole') &&
      (Principal === '*' ||
        names.some((name) =>
          matchesAny((Principal as { [Kind in typeof kind]?: unknown } | undefined)?.[kind], name),
        )),
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
}

function statementsOf(document: string): readonly Statement[] {
  try {
    const { Statement } = JSON.parse(document) as { Statement?: Statement | Statement[] };
    return [Statement ?? []].flat();
  } catch {
    return [];
  }
}

function applies(statement: Statement, { action, resource }: PolicyRequest): boolean {
  const { Action, NotAction, Resource, NotResource } = statement;
  const actionApplies =
    NotAction === undefined ? matchesAny(Action, action, 'i') : !matchesAny(NotAction, action, 'i');
  const resourceApplies =
    NotResource === undefined ? matchesAny(Resource, resource) : !matchesAny(NotResource, resource);
  return actionApplies && resourceApplies;
}

function matchesAny(patterns: unknown, value: string, flags = ''): boolean {
  return [patterns].flat().some((pattern) => {
    if (typeof pattern !== 'string') return false;
    const source = pattern
      .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, `s${flags}`).test(value);
  });
}
