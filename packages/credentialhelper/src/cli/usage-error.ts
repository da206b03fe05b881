import { PROGRAM } from './output.ts';

/** An invalid command line that only the command itself can detect. */
export class UsageError extends Error {
  /** What to do. */
  readonly hint: string;

  constructor(
    message: string,
    details: { readonly hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, details);
    this.name = 'UsageError';
    this.hint = details.hint ?? `see ${PROGRAM} COMMAND --help`;
  }
}
