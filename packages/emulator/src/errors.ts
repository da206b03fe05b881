/** An error of the emulator. */
export class EmulatorError extends Error {
  override readonly name: string = 'EmulatorError';
  /** What went wrong: AWS's name for the error where AWS has one, else `ERR_…`. */
  readonly code: string;

  constructor(message: string, { code, cause }: { code: string; cause?: unknown }) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
