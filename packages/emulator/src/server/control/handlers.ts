import type { Account } from '../../account/account.ts';
import { type Seed, type SeedInput, summaryOf } from '../../account/seed.ts';
import type { ExplainInput, Explanation } from '../../credentials/explain.ts';
import { EmulatorError } from '../../errors.ts';
import type { Fault } from '../../faults/fault.ts';
import type { Faults } from '../../faults/faults.ts';
import { isObject } from '../../json.ts';
import type { RequestHistory } from '../request-history.ts';
import type { AccessKeyAnswer, AccountAnswer, IssuedAnswer } from './answers.ts';
import type { Reach } from './guard.ts';
import type { Query } from './input.ts';
import { listIssued, listRequests } from './requests.ts';
import { describeThing, listRoleAliases, listThings } from './things.ts';

/** The dependencies of control requests. */
export interface ControlContext {
  readonly seed: (input: SeedInput) => Promise<Seed>;
  /** Also writes certificate and key to the folder; undefined without a folder. */
  readonly seedFiles: ((input: SeedInput) => Promise<Seed>) | undefined;
  readonly explain: (input: ExplainInput) => Explanation;
  readonly account: Account;
  readonly faults: Faults;
  readonly history: RequestHistory;
  readonly accessKey: AccessKeyAnswer;
  /** The bearer token of control requests. */
  readonly controlToken: string;
  readonly reach: Reach;
  readonly endpoints: () => Pick<AccountAnswer, 'apiEndpoint' | 'credentialsEndpoint' | 'caFile'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What a control request contains. */
export interface ControlInput {
  /** The last segment of a path with a name. */
  readonly name: string;
  readonly query: Query;
  /** The body, parsed. */
  readonly body: unknown;
}

/** Handles a control request: what it returns is sent as JSON. */
export type Handler = (context: ControlContext, input: ControlInput) => unknown;

/** The control requests, by method and path. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [
    'GET account',
    ({ account: { accountId, region }, endpoints, now }): AccountAnswer => ({
      accountId,
      region,
      ...endpoints(),
      nowMs: now(),
    }),
  ],
  ['GET access-key', ({ accessKey }) => accessKey],
  ['GET things', ({ account }, { query }) => listThings(account, query)],
  ['GET things/NAME', ({ account, now }, { name }) => describeThing(account, name, now())],
  ['GET role-aliases', ({ account }) => listRoleAliases(account)],
  [
    'GET credentials',
    ({ history, now }, { query }): IssuedAnswer => ({
      requests: listIssued(history, query),
      nowMs: now(),
    }),
  ],
  ['GET counters', ({ history }) => history.counters],
  ['GET requests', ({ history }, { query }) => listRequests(history, query)],
  ['GET faults', ({ faults }) => faults.list()],
  [
    'POST faults',
    ({ faults }, { body }) => {
      faults.add(body as Fault);
      return faults.list();
    },
  ],
  [
    'DELETE faults',
    ({ faults }) => {
      faults.clear();
      return faults.list();
    },
  ],
  [
    'DELETE faults/NAME',
    ({ faults }, { name }) => {
      if (faults.remove(name)) return faults.list();
      throw new EmulatorError('there is no fault with this id', {
        code: 'ResourceNotFoundException',
      });
    },
  ],
  ['POST explain', ({ explain }, { body }) => explain(readExplain(body))],
  ['POST seed', ({ seed }, { body }) => seed(readSeed(body))],
  [
    'POST seed-files',
    async ({ seedFiles }, { body }) =>
      summaryOf((await seedFiles?.(readSeed(body))) ?? missingFolder()),
  ],
]);

function missingFolder(): never {
  throw new EmulatorError('the emulator has no folder', { code: 'ERR_DIR' });
}

function readSeed(body: unknown): SeedInput {
  const { thingName, roleAlias, keyType, durationSeconds } = readObject(body);
  if ([thingName, roleAlias, keyType].every(isTextOrMissing)) {
    // `seed` checks the values.
    return { thingName, roleAlias, keyType, durationSeconds } as SeedInput;
  }
  throw new EmulatorError('thingName, roleAlias and keyType must be strings', {
    code: 'InvalidRequestException',
  });
}

function readExplain(body: unknown): ExplainInput {
  const { thingName, certificate, roleAlias, sourceIp } = readObject(body);
  if (
    typeof certificate !== 'string' ||
    typeof roleAlias !== 'string' ||
    !isTextOrMissing(thingName) ||
    !isTextOrMissing(sourceIp)
  ) {
    throw new EmulatorError('the body must have certificate and roleAlias', {
      code: 'InvalidRequestException',
    });
  }
  return { thingName, certificate, roleAlias, sourceIp };
}

function readObject(body: unknown): Readonly<Record<string, unknown>> {
  if (isObject(body)) return body;
  throw new EmulatorError('the body must be a JSON object', { code: 'InvalidRequestException' });
}

function isTextOrMissing(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
