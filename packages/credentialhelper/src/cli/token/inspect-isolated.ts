import { askChild } from '../../process/ask-child.ts';
import type { InspectRequest, LibraryReport } from '../../token/inspect.ts';

/**
 * Looks into a PKCS#11 library in a process of its own: one that crashes, hangs or prints does so there.
 *
 * @param limitMs - how long it may take before the process is ended, in milliseconds
 * @param hidden - an environment variable that the process must not see, because the PIN is in it
 * @throws {@link CredentialHelperError} (as a rejection) what `askChild` and `inspectLibrary` throw
 */
export function inspectIsolated(
  request: InspectRequest,
  limitMs: number,
  hidden?: string,
): Promise<LibraryReport> {
  return askChild({
    program: () => new URL('./inspect-child.js', import.meta.url),
    request,
    library: `the PKCS#11 library ${request.library}`,
    limitMs,
    limitHint: 'is its device or server available?',
    crashHint: "see the library's own log",
    // The command that asks ends at once, and must not leave a library behind that hangs at the end.
    endMs: 0,
    hidden,
  });
}
