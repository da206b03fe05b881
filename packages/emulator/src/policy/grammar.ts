import { EmulatorError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import { conditionDefect } from './condition.ts';
import { repeatsKey } from './json-keys.ts';

/** A statement of a policy. Members that can be a string or a list of strings are lists. */
export interface Statement {
  readonly Sid?: string | undefined;
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: readonly string[] | undefined;
  readonly NotAction?: readonly string[] | undefined;
  readonly Resource?: readonly string[] | undefined;
  readonly NotResource?: readonly string[] | undefined;
  readonly Condition?: Condition | undefined;
}

/** Values of keys, by operator. */
export type Condition = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A policy whose form is valid. */
export interface Policy {
  readonly Version: string | undefined;
  /** At least one. */
  readonly statements: readonly Statement[];
}

/** The first mistake in a document, where the services of AWS have different messages. */
export type Mistake =
  | 'json'
  | 'unknown member'
  | 'version'
  | 'no statements'
  | 'no effect'
  | 'effect'
  | 'syntax';

/** What is different for each kind of policy. */
export interface Dialect {
  /** The error's code. */
  readonly code: string;
  /** The permitted values of `Version`; undefined if it can be omitted. */
  readonly versions: readonly unknown[];
  readonly effects: RegExp;
  /** Whether an operator without keys may be one that does not exist. */
  readonly ignoresEmptyOperators: boolean;
  /**
   * The message for a mistake.
   *
   * @param found - the member or the value, if the mistake is about one
   */
  readonly message: (mistake: Mistake, found: string) => string;
}

const DOCUMENT_MEMBERS: ReadonlySet<string> = new Set(['Version', 'Id', 'Statement']);
const LISTS = ['Action', 'NotAction', 'Resource', 'NotResource'] as const;
const STATEMENT_MEMBERS: ReadonlySet<string> = new Set([
  ...['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Condition'],
  ...LISTS,
]);
const ALTERNATIVES = [
  ['Action', 'NotAction'],
  ['Resource', 'NotResource'],
  ['Principal', 'NotPrincipal'],
] as const;

type Fail = (mistake: Mistake, found?: unknown) => EmulatorError;
type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the document of a policy by the grammar that all kinds have in common (IAM User Guide, "Grammar of the IAM JSON
 * policy language"). Names of members are case-sensitive. The result depends on the text and the dialect alone.
 *
 * @throws {@link EmulatorError} with the dialect's code
 */
export function readPolicy(text: string, dialect: Dialect): Policy {
  const fail: Fail = (mistake, found = '') => {
    const value = typeof found === 'string' ? found : JSON.stringify(found);
    return new EmulatorError(dialect.message(mistake, value), { code: dialect.code });
  };
  const document = typeof text === 'string' ? parseJson(text) : undefined;
  if (!isObject(document) || repeatsKey(text)) throw fail('json');
  checkMembers(document, DOCUMENT_MEMBERS, fail);
  const { Version, Id } = document;
  if (!isOptionalString(Id)) throw fail('syntax');
  if (!dialect.versions.includes(Version)) throw fail('version', Version);
  const statements = [document.Statement ?? []].flat();
  if (statements.length === 0) throw fail('no statements');
  return {
    Version: Version as string | undefined,
    statements: statements.map((statement) => readStatement(statement, dialect, fail)),
  };
}

function readStatement(statement: unknown, dialect: Dialect, fail: Fail): Statement {
  if (!isObject(statement)) throw fail('syntax');
  checkMembers(statement, STATEMENT_MEMBERS, fail);
  const { Effect, Sid, Condition } = statement;
  if (Effect === undefined) throw fail('no effect');
  if (typeof Effect !== 'string' || !dialect.effects.test(Effect)) throw fail('effect', Effect);
  const isAmbiguous = ALTERNATIVES.some((names) =>
    names.every((name) => statement[name] !== undefined),
  );
  if (!isOptionalString(Sid) || isAmbiguous) throw fail('syntax');
  const checked = dialect.ignoresEmptyOperators ? withoutEmptyOperators(Condition) : Condition;
  if (conditionDefect(checked) !== undefined) throw fail('syntax');
  const lists = LISTS.map((name) => [name, readList(statement[name], fail)]);
  return { ...(statement as JsonObject & Statement), ...Object.fromEntries(lists) };
}

function checkMembers(object: JsonObject, known: ReadonlySet<string>, fail: Fail): void {
  const unknown = Object.keys(object).find((name) => !known.has(name));
  if (unknown !== undefined) throw fail('unknown member', unknown);
}

function readList(value: unknown, fail: Fail): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list = asStrings(value);
  if (list === undefined) throw fail('syntax');
  return list;
}

/** Returns the strings of a string or a list of strings; undefined for anything else. */
export function asStrings(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((one) => typeof one === 'string') ? list : undefined;
}

function isOptionalString(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function withoutEmptyOperators(condition: unknown): unknown {
  if (!isObject(condition)) return condition;
  const isEmpty = (keys: unknown) => isObject(keys) && Object.keys(keys).length === 0;
  return Object.fromEntries(Object.entries(condition).filter(([, keys]) => !isEmpty(keys)));
}

/** What is wrong with the `Sid`s of statements. An empty one is as good as none. */
export function sidMistake(statements: readonly Statement[]): 'characters' | 'equal' | undefined {
  const sids = statements.map(({ Sid = '' }) => Sid).filter((sid) => sid !== '');
  if (!sids.every((sid) => /^[0-9A-Za-z]+$/.test(sid))) return 'characters';
  return new Set(sids).size < sids.length ? 'equal' : undefined;
}

/** The message for a `Sid` with other characters. */
export const SID_CHARACTERS =
  'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*';

/** The size of a document in characters, not counting white space: what AWS's quotas are for. */
export function documentSize(text: string): number {
  return typeof text === 'string' ? text.replace(/\s/g, '').length : 0;
}
