import { CredentialHelperError, type ErrorDetails, resourceHint } from '../errors.ts';

/** Hints for permanent errors of the system when a process is started. */
const HINTS: Readonly<Record<string, string>> = {
  E2BIG: 'the environment variables of this process are too large',
  ENOENT: 'was Node.js removed or replaced? "pkcs11.isolate": { "node": PATH } names another',
  EACCES: 'permission denied; "pkcs11.isolate": { "node": PATH } names another',
  ENOEXEC:
    'the file is damaged, or built for another system; "pkcs11.isolate": { "node": PATH } names another',
  ERR_ACCESS_DENIED:
    "Node.js's permission model forbids it: start this process with --allow-child-process",
};

/**
 * The error if a child process cannot be started.
 *
 * @param what - its purpose
 * @param node - the Node.js executable
 */
export function startFailure(what: string, node: string, cause: unknown): CredentialHelperError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const resource = resourceHint(code);
  const details: ErrorDetails =
    resource === undefined
      ? { code: 'ERR_CHILD_PROGRAM', hint: HINTS[code], cause }
      : { code: 'ERR_OUT_OF_RESOURCES', hint: resource, cause };
  return new CredentialHelperError(
    `cannot start the child process that is to ${what}: ${node}: ${message}`,
    details,
  );
}
