import { ERROR_CODES } from '../error-codes.ts';
import { isCredentialHelperError } from '../errors.ts';
import { printError, type Reported } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Exit status for an invalid command line. */
export const USAGE_STATUS = 2;

/**
 * Writes the error of a command to stderr, and with `--json` also to stdout.
 *
 * @returns the exit status
 */
export function reportError(error: unknown, asJson: boolean): number {
  printError(reported(error), asJson);
  if (isCredentialHelperError(error)) return ERROR_CODES[error.code].exitStatus;
  return error instanceof UsageError ? USAGE_STATUS : 1;
}

function reported(error: unknown): Reported {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message } = error;
  if (isCredentialHelperError(error)) return { message, code: error.code, hint: error.hint };
  if (error instanceof UsageError) return { message, hint: error.hint };
  if ((error as NodeJS.ErrnoException).syscall === 'uv_cwd') {
    return { message: 'the working folder was deleted', hint: 'change to another folder' };
  }
  return { message };
}
