/** An error of the emulator. */
export class EmulatorError extends Error {
  /** `EmulatorError`. */
  override readonly name: string = 'EmulatorError';
  /**
   * The kind of error: AWS's name if it has one, such as `ResourceNotFoundException` (AWS IoT) or
   * `NoSuchEntity` (IAM); otherwise one of
   *
   * - `ERR_INVALID_OPTION`: an option of {@link startEmulator}, or a lifetime, is not valid;
   * - `ERR_FAULT`: a fault is not valid;
   * - `ERR_DIR`: the folder cannot be used, is damaged, or has another account or region;
   * - `ERR_IN_USE`: another emulator uses the folder;
   * - `ERR_FILE`: a file cannot be written, or would be overwritten;
   * - `ERR_PORT`: a port is in use, or cannot be listened on.
   */
  readonly code: string;
  /**
   * The members that AWS's error has besides its message: `resourceArn` and `resourceId` of
   * `ResourceAlreadyExistsException`. Undefined for errors without such members.
   */
  readonly details: Readonly<Record<string, string>> | undefined;

  constructor(
    message: string,
    {
      code,
      cause,
      details,
    }: { code: string; cause?: unknown; details?: Readonly<Record<string, string>> | undefined },
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.details = details;
  }
}
