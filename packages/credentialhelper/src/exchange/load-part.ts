import { CredentialHelperError, resourceHint } from '../errors.ts';

/**
 * Loads a part of this package when it is needed.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_CHILD_PROGRAM` if it no longer exists;
 * `ERR_OUT_OF_RESOURCES`
 */
export async function loadPart<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const resource = resourceHint(code);
    throw new CredentialHelperError(`cannot load a part of this package: ${message}`, {
      code: resource === undefined ? 'ERR_CHILD_PROGRAM' : 'ERR_OUT_OF_RESOURCES',
      hint: resource ?? 'was the package replaced while this process was running? Restart it',
      cause,
    });
  }
}
