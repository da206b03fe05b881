import type { IncomingMessage } from 'node:http';
import type { CredentialSource } from '../credentials/source.ts';
import type { IotCoreCredentials } from '../credentials/types.ts';
import { isCredentialHelperError } from '../errors.ts';
import { setImmediate } from '../process/timers.ts';
import type { Answer } from './answer.ts';

/** The protocol by which clients get credentials from a local server. */
export interface Contract {
  /** Its name, for metrics. */
  readonly name: string;
  /** Answers a request that the guard has admitted. */
  readonly answer: (request: IncomingMessage) => Answer;
  /** The answer to a request that is refused, in the form that its clients show. */
  readonly refuse: Refuse;
}

/**
 * @param code - a name for programs
 * @param message - a sentence for people
 */
export type Refuse = (status: number, code: string, message: string) => Answer;

/** The part of a source of credentials that is served. */
export type Served = Pick<CredentialSource, 'current' | 'failure'>;

/**
 * Creates a function that answers with the credentials in memory, or 503 and the reason. Clients wait a second or two only:
 * nothing is fetched for them. An answer is built once for all requests until it changes, and looked at once for those that
 * arrived together, in one iteration of the event loop.
 */
export function answerWithCredentials(
  served: Served,
  encode: (credentials: IotCoreCredentials) => Answer,
  refuse: Refuse,
): () => Answer {
  let built:
    | { readonly token: string; readonly endsMs: number; readonly answer: Answer }
    | undefined;
  let refused: { readonly failure: unknown; readonly answer: Answer } | undefined;
  let latest: Answer | undefined;
  const forget = () => {
    latest = undefined;
  };
  const find = () => {
    const current = served.current();
    if (current === undefined) {
      const failure = served.failure();
      if (refused === undefined || refused.failure !== failure) {
        refused = { failure, answer: refuse(503, ...reasonOf(failure)) };
      }
      return refused.answer;
    }
    const endsMs = current.expiration.getTime();
    if (built?.token !== current.sessionToken || built.endsMs !== endsMs) {
      built = { token: current.sessionToken, endsMs, answer: encode(current) };
    }
    return built.answer;
  };
  return () => {
    if (latest === undefined) {
      latest = find();
      setImmediate(forget);
    }
    return latest;
  };
}

function reasonOf(failure: unknown): readonly [code: string, message: string] {
  if (failure === undefined) {
    return ['CredentialsPending', 'the first credentials have not arrived yet'];
  }
  const code = isCredentialHelperError(failure) ? failure.code : 'CredentialsUnavailable';
  return [code, `there are no valid credentials: ${(failure as Error).message}`];
}
