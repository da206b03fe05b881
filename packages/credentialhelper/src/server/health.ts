import { ERROR_CODES } from '../error-codes.ts';
import { isCredentialHelperError } from '../errors.ts';
import { textAnswer } from './answer.ts';
import type { Served } from './contract.ts';
import type { Page } from './local-server.ts';

/** A thing whose credentials are served. */
export interface NamedServed extends Served {
  /** The name of the thing; empty if it was not set. */
  readonly name: string;
}

/** Answers that the process responds. */
export const healthPage: Page = () => textAnswer(200, 'ok\n');

/**
 * Answers whether all things have valid credentials: 200, or 503 with a line for each thing that has none. No token is
 * needed, so that it shows the code of an error and its meaning, and not the message, which may name files.
 */
export function readyPage(things: () => readonly NamedServed[]): Page {
  return () => {
    const lines = things()
      .filter((thing) => thing.current() === undefined)
      .map(
        (thing) => `${thing.name === '' ? '' : `${thing.name}: `}${publicReason(thing.failure())}`,
      );
    return lines.length === 0
      ? textAnswer(200, 'ready\n')
      : textAnswer(503, `no valid credentials\n${lines.join('\n')}\n`);
  };
}

function publicReason(failure: unknown): string {
  if (failure === undefined) return 'the first credentials have not arrived yet';
  if (!isCredentialHelperError(failure)) return 'an unknown error';
  return `${failure.code}: ${ERROR_CODES[failure.code].meaning}`;
}
