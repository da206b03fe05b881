import { CredentialHelperError, resourceHint } from '../errors.ts';

/** The foreign function interface that calls PKCS#11 libraries and Node's own OpenSSL. */
export type Koffi = typeof import('koffi').default;

/** The address of something in native memory. */
export type Pointer = bigint;

/**
 * Loads koffi, an optional dependency, when a token is used.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PKCS11_BINDING` where it is not installed
 */
export async function loadKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const resource = resourceHint(code);
    throw new CredentialHelperError('the npm package koffi, which tokens need, cannot be loaded', {
      code: resource === undefined ? 'ERR_PKCS11_BINDING' : 'ERR_OUT_OF_RESOURCES',
      cause,
      hint:
        resource ??
        (code === 'ERR_DLOPEN_DISABLED'
          ? "Node.js's permission model forbids it: allow it with --allow-addons"
          : 'npm install koffi; it was left out if npm ran with --omit=optional'),
    });
  }
}
