import type { LibraryLocation } from '../../pkcs11/library-location.ts';
import { askChild } from '../../process/ask-child.ts';
import type { InspectRequest, LibraryReport } from '../../token/inspect.ts';

/**
 * Inspects a PKCS#11 library in a separate process: one that crashes, hangs or prints does not affect this process.
 *
 * @param limitMs - timeout after which the process is killed, in milliseconds
 * @throws {@link CredentialHelperError} (as a rejection) errors of `askChild` and `inspectLibrary`
 */
export function inspectIsolated(request: InspectRequest, limitMs: number): Promise<LibraryReport> {
  return askChild({
    program: () => new URL('./inspect-child.js', import.meta.url),
    request,
    library: `the PKCS#11 library ${request.library}`,
    limitMs,
    limitHint: 'is its device or server available?',
    crashHint: "see the library's own log",
    // The command exits at once, and must not leave behind a library that hangs on exit.
    endMs: 0,
  });
}

/**
 * The request to inspect a library without a login.
 *
 * @param waitMs - how long to wait while other processes log in, in milliseconds
 */
export function publicInspection(
  location: LibraryLocation,
  match: InspectRequest['match'],
  waitMs: number,
): InspectRequest {
  return {
    ...location,
    match,
    waitMs,
    login: false,
    pin: undefined,
    ignorePinFlags: false,
    stateFolder: undefined,
  };
}
