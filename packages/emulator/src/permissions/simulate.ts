import { contextKeysOf } from '../policy/context-keys.ts';
import type { Variables } from '../policy/pattern.ts';
import { findDecidingStatements, type PolicyRequest } from '../policy/policy.ts';
import { type StatementPosition, statementPositions } from '../policy/statement-positions.ts';
import type { IdentityPolicy } from './policies.ts';

/** The policies of a simulation, and the condition keys of its requests. */
export interface Simulation {
  readonly policies: readonly IdentityPolicy[];
  /** A policy that limits what the others allow. */
  readonly boundary: IdentityPolicy | undefined;
  /** Returns the condition keys of a request to a service. */
  readonly variables: (service: string) => Variables;
}

/** The result for an action on a resource. */
export interface SimulationResult {
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /** The statements that decided. */
  readonly matched: readonly MatchedStatement[];
  /** The condition keys that the policies use and that have no value. */
  readonly missingKeys: readonly string[];
  /** Undefined without a permissions boundary. */
  readonly isAllowedByBoundary: boolean | undefined;
}

/** A statement that decided. */
export interface MatchedStatement {
  readonly policy: IdentityPolicy;
  readonly position: StatementPosition;
}

/** Returns the function that evaluates the policies of a simulation for an action on a resource. */
export function simulator({
  policies,
  boundary,
  variables,
}: Simulation): (action: string, resource: string) => SimulationResult {
  const decide = deciderOf(policies);
  const limit = boundary && deciderOf([boundary]);
  const keys = contextKeysOf([...policies, ...(boundary ? [boundary] : [])].map(documentOf));
  const variablesByService = new Map<string, Variables>();
  return (action, resource) => {
    const [service = ''] = action.split(':');
    const given = variablesByService.get(service) ?? variables(service);
    variablesByService.set(service, given);
    const names = new Set(Object.keys(given).map((name) => name.toLowerCase()));
    const missingKeys = keys.filter((key) => !names.has(key.toLowerCase()));
    const request = { action, resource, variables: given };
    const own = decide(request);
    const limited = limit?.(request);
    const isAllowedByBoundary = limited && limited.effect === 'Allow';
    const common = { missingKeys, isAllowedByBoundary };
    const denying = [own, limited].filter((one) => one?.effect === 'Deny');
    if (denying.length > 0) {
      const matched = denying.flatMap((one) => one?.matched ?? []);
      return { decision: 'explicitDeny', matched, ...common };
    }
    if (own.effect === 'Allow' && isAllowedByBoundary !== false) {
      return { decision: 'allowed', matched: own.matched, ...common };
    }
    return { decision: 'implicitDeny', matched: [], ...common };
  };
}

/** The result for some of the policies. */
interface Decided {
  readonly effect: 'Allow' | 'Deny' | undefined;
  readonly matched: readonly MatchedStatement[];
}

function deciderOf(policies: readonly IdentityPolicy[]): (request: PolicyRequest) => Decided {
  const documents = policies.map(documentOf);
  const positions = new Map<number, readonly StatementPosition[]>();
  return (request) => {
    const found = findDecidingStatements(documents, request);
    const matched = found.flatMap(({ document, index }) => {
      const places = positions.get(document) ?? statementPositions(documents[document] ?? '');
      positions.set(document, places);
      const [policy, position] = [policies[document], places[index]];
      return policy && position ? { policy, position } : [];
    });
    return { effect: found[0]?.effect, matched };
  };
}

function documentOf({ document }: IdentityPolicy): string {
  return document;
}
