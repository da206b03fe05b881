import { CredentialHelperError, resourceHint } from '../errors.ts';
import { isSingleExecutable } from '../process/runtime.ts';

/** The foreign function interface for PKCS#11 libraries and Node.js's OpenSSL. */
export type Koffi = typeof import('koffi').default;

/** An address in native memory. */
export type Pointer = bigint;

/**
 * Loads koffi, an optional dependency, when a token is used.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PKCS11_BINDING` if it is not installed
 */
export async function loadKoffi(): Promise<Koffi> {
  try {
    return await findKoffi();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const resource = resourceHint(code);
    throw new CredentialHelperError(
      'the npm package koffi, which keys in tokens require, cannot be loaded',
      {
        code: resource === undefined ? 'ERR_PKCS11_BINDING' : 'ERR_OUT_OF_RESOURCES',
        cause,
        hint: resource ?? hintFor(cause as NodeJS.ErrnoException),
      },
    );
  }
}

/** Hides the name from bundlers: the binary of koffi cannot be bundled. */
const NAME: string = ['koffi'].join();

async function findKoffi(): Promise<Koffi> {
  const found = requireKoffi();
  if (found !== undefined) return found;
  // Runtimes without node_modules resolve packages in other ways.
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ NAME)).default;
}

/**
 * Loads koffi with `require()`, which is faster than `import()`, and also works where `import()` does not: in a
 * single executable application, and in a CommonJS module under Jest. It is resolved from this file, from the program
 * of this process, and from the folder of the application.
 */
function requireKoffi(): Koffi | undefined {
  const { createRequire } = process.getBuiltinModule('node:module');
  const places = isSingleExecutable() ? [process.execPath] : [import.meta.url, process.argv[1]];
  for (const place of places) {
    try {
      // In a CommonJS bundle this file has no URL; a program from stdin has no path.
      if (place && place !== '-') return createRequire(place)(NAME);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return undefined;
}

function hintFor({ code, name }: NodeJS.ErrnoException): string {
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'Node.js was started with --no-addons, or its permission model forbids it: remove --no-addons, or start Node.js with --allow-addons';
  }
  if (name === 'NotCapable') return 'Deno forbids it: allow it with --allow-ffi';
  return isSingleExecutable()
    ? 'npm install koffi in the folder of this single executable application'
    : 'npm install koffi; it was left out if npm ran with --omit=optional';
}
