import { ERROR_CODES, type ErrorCode } from '../../error-codes.ts';
import { isCredentialHelperError } from '../../errors.ts';
import { UsageError } from '../usage-error.ts';

/** A step from the settings to the identity of the credentials. */
export type Step =
  | 'settings'
  | 'endpoint'
  | 'dns'
  | 'connection'
  | 'proxy'
  | 'server'
  | 'certificate'
  | 'module'
  | 'token'
  | 'pin'
  | 'key'
  | 'clock'
  | 'credentials'
  | 'identity';

/** A command for a shell: it shows what is wrong, fixes it, or is another way to fix it. */
export interface RemedyCommand {
  readonly purpose: 'show' | 'fix' | 'or';
  readonly command: string;
}

/** What to do about a problem. */
export interface Remedy {
  /** As one sentence. */
  readonly what: string;
  readonly commands?: readonly RemedyCommand[];
}

/** The result of a step. It contains no secrets. */
export interface Finding {
  readonly step: Step;
  readonly status: 'ok' | 'warn' | 'failed' | 'skipped';
  /** What was seen, on one line. */
  readonly seen: string;
  /** More of it, one line each. */
  readonly details?: readonly string[];
  /** The kind of error, if any. */
  readonly code?: ErrorCode;
  readonly remedy?: Remedy;
}

/** The finding for a step that works. */
export function worked(step: Step, seen: string, details: readonly string[] = []): Finding {
  return { step, status: 'ok', seen, ...(details.length === 0 ? {} : { details }) };
}

/** The finding for a step that cannot be tested. */
export function skipped(step: Step, seen: string): Finding {
  return { step, status: 'skipped', seen };
}

/** The finding for a step that fails with an error; its hint is the remedy. */
export function failedWith(
  step: Step,
  error: unknown,
  commands: readonly RemedyCommand[] = [],
): Finding {
  const seen = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return failed(step, seen, { what: error.hint, commands });
  if (!isCredentialHelperError(error)) return { step, status: 'failed', seen };
  const { code, hint } = error;
  return { ...failed(step, seen, { what: hint ?? ERROR_CODES[code].remedy, commands }), code };
}

/** The finding for a step that fails. */
export function failed(step: Step, seen: string, remedy: Remedy): Finding {
  return { step, status: 'failed', seen, remedy };
}

/** The result of a function, or its error. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Calls a function whose error is a part of the findings. */
export function outcomeOf<T>(call: () => T): Outcome<T> {
  try {
    return { value: call() };
  } catch (error) {
    return { error };
  }
}

/** The value of an outcome, if it has one. */
export function knownValue<T>(outcome: Outcome<T>): T | undefined {
  return 'value' in outcome ? outcome.value : undefined;
}
