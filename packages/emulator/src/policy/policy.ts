import { memoize } from '../memo.ts';
import { conditionHolds } from './condition.ts';
import { matches, matchesPattern, type Pattern, parsePattern, type Variables } from './pattern.ts';

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

/** The statement that decides a request. */
export interface DecidingStatement {
  /** The index of its document. */
  readonly document: number;
  /** The index of the statement in its document. */
  readonly index: number;
  readonly effect: 'Allow' | 'Deny';
  /** As in the document. */
  readonly statement: Readonly<Record<string, unknown>>;
}

/** Evaluates policy documents together. A document that is not valid JSON is ignored. */
export function evaluatePolicies(documents: readonly string[], request: PolicyRequest): Decision {
  const effect = findDecidingStatement(documents, request)?.effect;
  if (effect === undefined) return 'silent';
  return effect === 'Deny' ? 'deny' : 'allow';
}

/** Returns the statement of policy documents that decides a request: the first deny, or else the first allow. */
export function findDecidingStatement(
  documents: readonly string[],
  request: PolicyRequest,
): DecidingStatement | undefined {
  let allowing: DecidingStatement | undefined;
  for (const [document, text] of documents.entries()) {
    for (const [index, one] of statementsOf(text).entries()) {
      const { Effect: effect } = one.raw;
      if (effect !== 'Deny' && (effect !== 'Allow' || allowing !== undefined)) continue;
      if (!applies(one, request)) continue;
      const statement = { document, index, effect, statement: { ...one.raw } } as const;
      if (effect === 'Deny') return statement;
      allowing = statement;
    }
  }
  return allowing;
}

/** Returns all statements with the effect that decides a request, and that apply to it. */
export function findDecidingStatements(
  documents: readonly string[],
  request: PolicyRequest,
): readonly DecidingStatement[] {
  const wanted = findDecidingStatement(documents, request)?.effect;
  if (wanted === undefined) return [];
  return documents.flatMap((text, document) =>
    statementsOf(text).flatMap((one, index) =>
      one.raw.Effect === wanted && applies(one, request)
        ? { document, index, effect: wanted, statement: { ...one.raw } }
        : [],
    ),
  );
}

/** Returns the number of statements of a policy document. */
export function countStatements(document: string): number {
  return statementsOf(document).length;
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
    textsOf((principal as { [Kind in typeof kind]?: unknown } | undefined)?.[kind]).some((text) =>
      names.some((name) => matchesPattern(text, name)),
    );
  const trusting = statementsOf(document).filter(
    ({ action, raw: { Principal, NotPrincipal, Condition } }) =>
      !action.isInverse &&
      covers(action, 'sts:assumerole') &&
      conditionHolds(Condition, variables) &&
      (NotPrincipal === undefined ? isNamed(Principal) : !isNamed(NotPrincipal)),
  );
  const effects = trusting.map(({ raw }) => raw.Effect);
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
  readonly patterns: readonly Pattern[];
  readonly isInverse: boolean;
}

/** A statement that is ready for evaluation. */
interface Statement {
  readonly raw: RawStatement;
  /** Its patterns are in lower case: actions are case-insensitive. */
  readonly action: Scope;
  readonly resource: Scope;
}

const MAX_DOCUMENTS = 1000;

const statementsOf = memoize(MAX_DOCUMENTS, (document): readonly Statement[] =>
  readStatements(document).map((raw) => {
    const { Action, NotAction, Resource, NotResource } = raw;
    return {
      raw,
      action: toScope(Action, NotAction, (text) => parsePattern(text.toLowerCase())),
      resource: toScope(Resource, NotResource, parsePattern),
    };
  }),
);

interface RawDocument {
  readonly Version?: unknown;
  readonly Statement?: RawStatement | readonly RawStatement[];
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: policy variables look like templates
const DOLLAR_AND_BRACE = '${$}{';

function readStatements(document: string): readonly RawStatement[] {
  try {
    const raw = JSON.parse(document) as RawDocument;
    // Older versions of the language have no policy variables: there, `${` is text, which is `${$}{` in newer ones.
    const { Statement } = hasVariables(raw)
      ? raw
      : (JSON.parse(document.replaceAll('${', DOLLAR_AND_BRACE)) as RawDocument);
    return [Statement ?? []].flat().filter((one) => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
}

/** Whether a document is of the version of the language that has policy variables. */
export function hasVariables({ Version }: { readonly Version?: unknown }): boolean {
  return Version === '2012-10-17';
}

function toScope(values: unknown, inverse: unknown, toPattern: (text: string) => Pattern): Scope {
  const isInverse = inverse !== undefined;
  return { patterns: textsOf(isInverse ? inverse : values).map(toPattern), isInverse };
}

function textsOf(values: unknown): readonly string[] {
  return [values].flat().filter((value) => typeof value === 'string');
}

function applies(statement: Statement, request: PolicyRequest): boolean {
  const { resource, variables } = request;
  return (
    covers(statement.action, request.action.toLowerCase()) &&
    covers(statement.resource, resource, variables) &&
    conditionHolds(statement.raw.Condition, variables)
  );
}

function covers({ patterns, isInverse }: Scope, value: string, variables: Variables = {}): boolean {
  return patterns.some((pattern) => matches(pattern, value, variables)) !== isInverse;
}
