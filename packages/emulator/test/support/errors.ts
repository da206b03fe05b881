import { expect } from 'vitest';
import { EmulatorError } from '../../src/index.ts';

/** What a caller gets that no compiler warned. */
export async function errorOf(run: () => unknown): Promise<EmulatorError> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(EmulatorError);
    return error as EmulatorError;
  }
  throw new Error('there was no error');
}
