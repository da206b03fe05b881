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

/** Its name, where bundlers do not see it: its binary is found on the disk, and has no place in a bundle. */
const NAME: string = ['koffi'].join();

async function findKoffi(): Promise<Koffi> {
  const found = requireKoffi();
  if (found !== undefined) return found;
  // What has no node_modules finds packages by other ways.
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ NAME)).default;
}

/**
 * Loads koffi where `require()` finds it, which is faster than `import()`, and also serves where that finds nothing: in a
 * single executable application, and in a CommonJS module under Jest. It is looked for from this file, from the program of
 * this process, and beside the application.
 */
function requireKoffi(): Koffi | undefined {
  const { createRequire } = process.getBuiltinModule('node:module');
  const places = isSingleExecutable() ? [process.execPath] : [import.meta.url, process.argv[1]];
  for (const place of places) {
    try {
      // In a bundle that is CommonJS, this file has no URL; a program from stdin has no path.
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
