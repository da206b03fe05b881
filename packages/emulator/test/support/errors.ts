import { expect } from 'vitest';
import { EmulatorError } from '../../src/index.ts';

/** Calls an operation without type checks. */
export async function errorOf(run: () => unknown): Promise<EmulatorError> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(EmulatorError);
    return error as EmulatorError;
  }
  throw new Error('there was no error');
}
