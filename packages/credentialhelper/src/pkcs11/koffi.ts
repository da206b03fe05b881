import { CredentialHelperError, resourceHint } from '../errors.ts';
import { isSingleExecutable } from '../process/runtime.ts';

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
    return await importKoffi();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const resource = resourceHint(code);
    throw new CredentialHelperError('the npm package koffi, which tokens need, cannot be loaded', {
      code: resource === undefined ? 'ERR_PKCS11_BINDING' : 'ERR_OUT_OF_RESOURCES',
      cause,
      hint: resource ?? hintFor(cause as NodeJS.ErrnoException),
    });
  }
}

async function importKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (error) {
    if (!isSingleExecutable()) throw error;
    // It imports nothing but what is built in.
    const { createRequire } = process.getBuiltinModule('node:module');
    return createRequire(process.execPath)('koffi');
  }
}

function hintFor({ code, name }: NodeJS.ErrnoException): string {
  if (code === 'ERR_DLOPEN_DISABLED') {
    return "Node.js's permission model forbids it: allow it with --allow-addons";
  }
  if (name === 'NotCapable') return 'Deno forbids it: allow it with --allow-ffi';
  return isSingleExecutable()
    ? 'npm install koffi in the folder of this single executable application'
    : 'npm install koffi; it was left out if npm ran with --omit=optional';
}
