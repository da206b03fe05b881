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

/** Its name, where bundlers do not see it: its binary is found on the disk, and has no place in a bundle. */
const NAME: string = ['koffi'].join();

async function importKoffi(): Promise<Koffi> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ NAME)).default;
  } catch (error) {
    return requireKoffi(error);
  }
}

/**
 * Loads koffi where `import()` cannot: a single executable application imports nothing but what is built in, and Jest
 * nothing in a CommonJS module. It is looked for from this file, from the program of this process, and beside the
 * application.
 *
 * @param failure - what came of `import()`
 */
function requireKoffi(failure: unknown): Koffi {
  const { createRequire } = process.getBuiltinModule('node:module');
  let notFound = failure;
  const places = isSingleExecutable() ? [process.execPath] : [import.meta.url, process.argv[1]];
  for (const place of places) {
    try {
      // In a bundle that is CommonJS, this file has no URL; a program from stdin has no path.
      if (place && place !== '-') return createRequire(place)(NAME);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
      notFound = error;
    }
  }
  throw notFound;
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
