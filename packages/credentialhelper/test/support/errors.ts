import { expect } from 'vitest';
import type { CredentialHelperError } from '../../src/errors.ts';

/** The error that a call throws or rejects with; fails if there is none or it is not of this package. */
export async function errorOf(call: () => unknown): Promise<CredentialHelperError> {
  let error: unknown;
  try {
    await call();
  } catch (caught) {
    error = caught;
  }
  expect(error, 'the call should have failed').toBeDefined();
  expect((error as Error).name, String((error as Error).stack)).toBe('CredentialHelperError');
  return error as CredentialHelperError;
}
