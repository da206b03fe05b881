import { isObject } from '../json.ts';
import { type Arn, parseArn } from '../names/arns.ts';
import { asStrings } from './grammar.ts';
import { isServicePrincipal } from './service-principals.ts';

/** The principals that trust policies can name. */
export interface Principals {
  /** The account's partition, such as `aws`. */
  readonly partition: string;
  /** The partition's DNS suffix, such as `amazonaws.com`. */
  readonly dnsSuffix: string;
  /** Whether there is such a role, user or session. Called with the parts of its ARN, and the ARN. */
  exists(parts: Arn, arn: string): boolean;
}

// The forms of ARNs, without their partitions.
const ROOT = /^iam::\d{12}:root$/;
const IDENTITY = /^iam::\d{12}:(?:user|role)\/[^*?]+$/;
const SESSION = /^sts::\d{12}:(?:assumed-role\/[^*?/]+|federated-user)\/[^*?/]+$/;
const PROVIDER = /^iam::\d{12}:(?:saml|oidc)-provider\/[^*?]+$/;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]+$/i;

type Check = (name: string, principals: Principals) => boolean;

const KINDS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['AWS', isAwsPrincipal],
  ['Service', (name, { dnsSuffix }) => isServicePrincipal(name, dnsSuffix)],
  ['Federated', (name, { partition }) => DOMAIN.test(name) || isArn(name, partition, PROVIDER)],
]);

/** The defects in the form of a `Principal`. */
export function* principalDefects(principal: unknown): Generator<string> {
  if (principal === undefined) yield 'Missing required field Principal';
  if (typeof principal === 'string') yield 'Principal must be a JSON object.';
  if (!isObject(principal)) return yield 'Syntax error in policy.';
  const unknown = Object.keys(principal).find((kind) => !KINDS.has(kind));
  if (unknown !== undefined) yield `Invalid principal in policy: "${unknown}"`;
  const values = Object.values(principal).map(asStrings);
  if (values.includes(undefined)) yield 'Syntax error in policy.';
  if (values.flat().length === 0) yield 'Missing required field Principal cannot be empty!';
}

/** The principals of a valid `Principal` that do not exist. */
export function* missingPrincipals(principal: unknown, principals: Principals): Generator<string> {
  for (const [kind, given] of Object.entries(principal as Readonly<Record<string, unknown>>)) {
    const isRight = KINDS.get(kind);
    for (const name of asStrings(given) ?? []) {
      if (isRight?.(name, principals)) continue;
      yield kind === 'Federated'
        ? 'Federated principals must be valid domain names or SAML metadata ARNs'
        : `Invalid principal in policy: "${kind.toUpperCase()}":"${name}"`;
    }
  }
}

function isAwsPrincipal(name: string, { partition, exists }: Principals): boolean {
  if (name === '*' || /^\d{12}$/.test(name) || isArn(name, partition, ROOT)) return true;
  const arn = parseArn(name);
  const isIdentity = [IDENTITY, SESSION].some((form) => isArn(name, partition, form));
  return isIdentity && arn !== undefined && exists(arn, name);
}

function isArn(name: string, partition: string, form: RegExp): boolean {
  const beginning = `arn:${partition}:`;
  return name.startsWith(beginning) && form.test(name.slice(beginning.length));
}
