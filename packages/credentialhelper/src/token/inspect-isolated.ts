import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CredentialHelperError } from '../errors.ts';
import { environmentWithout } from '../isolation/parent.ts';
import type { InspectAnswer, InspectRequest, LibraryReport } from './inspect.ts';

const CHILD = fileURLToPath(new URL('./inspect-child.js', import.meta.url));

/**
 * Looks into a PKCS#11 library in a process of its own: one that crashes, hangs or prints does so there.
 *
 * @param limitMs - how long it may take before the process is ended, in milliseconds
 * @param hidden - an environment variable that the process must not see, because the PIN is in it
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_TOKEN_TIMEOUT`, `ERR_TOKEN_CRASHED`, and all that
 * `inspectLibrary` throws
 */
export function inspectIsolated(
  request: InspectRequest,
  limitMs: number,
  hidden?: string,
): Promise<LibraryReport> {
  const { library } = request;
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [], {
      execArgv: [],
      env: environmentWithout(hidden),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // In a session of its own it has no terminal, so nothing in it can ask for a PIN there.
      detached: true,
    });
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new CredentialHelperError(
          `the PKCS#11 library ${library} did not come back within ${limitMs} ms; the process it ran in was ended`,
          { code: 'ERR_TOKEN_TIMEOUT', hint: 'is its device or server there?' },
        ),
      );
    }, limitMs);
    child.on('message', (answer: InspectAnswer) => {
      clearTimeout(deadline);
      // A library may also hang when its process ends.
      child.kill('SIGKILL');
      if ('report' in answer) return resolve(answer.report);
      const { code, message, hint } = answer.error;
      return reject(
        code === undefined
          ? new Error(message)
          : new CredentialHelperError(message, { code, hint }),
      );
    });
    child.on('error', (cause) => {
      clearTimeout(deadline);
      reject(
        new CredentialHelperError(
          `cannot start the process that is to load the PKCS#11 library ${library}: ${cause.message}`,
          { code: 'ERR_TOKEN_CRASHED', cause },
        ),
      );
    });
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      reject(
        new CredentialHelperError(
          `the process that had loaded the PKCS#11 library ${library} ended before it answered (${signal ?? `exit status ${code}`})`,
          { code: 'ERR_TOKEN_CRASHED', hint: 'the library crashed: look for a newer one' },
        ),
      );
    });
    child.send(request, () => {});
  });
}
