import type { TypeObject } from 'koffi';
import { CredentialHelperError } from '../errors.ts';
import type { Koffi, Pointer } from '../pkcs11/koffi.ts';
import { otherRuntime } from '../process/runtime.ts';

type Parameters = readonly string[];

/** The OpenSSL functions, with their return and parameter types (OpenSSL's manual, section 3). */
const FUNCTIONS = {
  OpenSSL_version: ['str', ['int']],
  BN_bin2bn: ['void *', ['void *', 'int', 'void *']],
  ECDSA_SIG_new: ['void *', []],
  ECDSA_SIG_set0: ['int', ['void *', 'void *', 'void *']],
  ECDSA_SIG_free: ['void', ['void *']],
  i2d_ECDSA_SIG: ['int', ['void *', 'void *']],
  EC_KEY_OpenSSL: ['void *', []],
  EC_KEY_METHOD_new: ['void *', ['void *']],
  EC_KEY_METHOD_set_sign: ['void', ['void *', 'void *', 'void *', 'void *']],
  EC_KEY_new_by_curve_name: ['void *', ['int']],
  EC_KEY_oct2key: ['int', ['void *', 'void *', 'size_t', 'void *']],
  EC_KEY_set_method: ['int', ['void *', 'void *']],
  EC_KEY_free: ['void', ['void *']],
  RSA_PKCS1_OpenSSL: ['void *', []],
  RSA_meth_dup: ['void *', ['void *']],
  RSA_meth_set_priv_enc: ['int', ['void *', 'void *']],
  RSA_meth_set_flags: ['int', ['void *', 'int']],
  RSA_new: ['void *', []],
  RSA_set0_key: ['int', ['void *', 'void *', 'void *', 'void *']],
  RSA_set_method: ['int', ['void *', 'void *']],
  RSA_free: ['void', ['void *']],
  EVP_PKEY_new: ['void *', []],
  EVP_PKEY_set1_EC_KEY: ['int', ['void *', 'void *']],
  EVP_PKEY_set1_RSA: ['int', ['void *', 'void *']],
  EVP_PKEY_free: ['void', ['void *']],
  SSL_CTX_get0_certificate: ['void *', ['void *']],
  SSL_CTX_use_PrivateKey: ['int', ['void *', 'void *']],
  i2d_X509: ['int', ['void *', 'void *']],
  ERR_load_strings: ['int', ['int', 'void *']],
  ERR_clear_error: ['void', []],
  ERR_new: ['void', []],
  ERR_set_debug: ['void', ['str', 'int', 'str']],
  ERR_set_error: ['void', ['int', 'int', 'str', '...']],
} as const satisfies Record<string, readonly [string, Parameters]>;

/** The OpenSSL library of this Node.js. */
export type OpenSsl = {
  readonly [Name in keyof typeof FUNCTIONS]: (...args: readonly unknown[]) => OpenSslResult;
};

// biome-ignore lint/suspicious/noExplicitAny: the table above says what each function returns
export type OpenSslResult = any;

let found: OpenSsl | undefined;

/**
 * Finds the functions of Node.js's OpenSSL, which it exports for addons (Node.js documentation, "C++
 * addons", "Linking to libraries included with Node.js").
 *
 * @throws {@link CredentialHelperError} `ERR_TLS_UNAVAILABLE` if they are missing, or belong to another OpenSSL
 */
export function findOpenSsl(koffi: Koffi): OpenSsl {
  if (found !== undefined) return found;
  try {
    const program = koffi.load(null);
    const functions = Object.fromEntries(
      Object.entries(FUNCTIONS).map(([name, [result, parameters]]) => [
        name,
        program.func(name, result, [...parameters]),
      ]),
    ) as unknown as OpenSsl;
    const version = String(functions.OpenSSL_version(OPENSSL_VERSION));
    const [expected = ''] = (process.versions.openssl ?? '').split('+');
    if (!expected.startsWith('3.') || !version.startsWith(`OpenSSL ${expected}`)) {
      throw new Error(`its OpenSSL is ${expected || 'none'}, and the one found is ${version}`);
    }
    found = functions;
    return functions;
  } catch (cause) {
    throw tlsUnavailable((cause as Error).message, cause);
  }
}

const OPENSSL_VERSION = 0;

/** The error for a runtime whose TLS cannot use a key in a token. */
export function tlsUnavailable(reason: string, cause?: unknown): CredentialHelperError {
  const other = otherRuntime();
  const runtime =
    other === undefined
      ? `this Node.js (${process.version})`
      : `${other} ${process.versions[other.toLowerCase()]}`;
  return new CredentialHelperError(
    `the TLS of ${runtime} cannot use a key in a token: ${reason.split('\n')[0]}`,
    {
      code: 'ERR_TLS_UNAVAILABLE',
      cause,
      hint: 'use Node.js 20 to 26 with OpenSSL 3, as nodejs.org and Debian ship it; in a session "pkcs11.isolate": { "node": PATH } names it',
    },
  );
}

/** OpenSSL's library number for errors of applications. */
const ERR_LIB_USER = 128;
const ERR_LIB_OFFSET = 23;
const SIGNING_FAILED = 1;

let areNamesLoaded = false;

/**
 * Adds an error to OpenSSL's error queue of this thread, so that TLS clients that report only OpenSSL's errors show it.
 */
export function addOpenSslError(koffi: Koffi, openssl: OpenSsl, text: string): void {
  // Without a name for library and reason, Node.js drops the error.
  if (!areNamesLoaded) openssl.ERR_load_strings(ERR_LIB_USER, errorNames(koffi));
  areNamesLoaded = true;
  openssl.ERR_new();
  openssl.ERR_set_debug('', 0, '');
  openssl.ERR_set_error(ERR_LIB_USER, SIGNING_FAILED, '%s', 'str', text);
}

/** An `ERR_STRING_DATA[]`, which OpenSSL references: never freed, as other threads use it too. */
function errorNames(koffi: Koffi): unknown {
  const type = koffi.struct({ error: 'ulong', string: 'void *' });
  const names = [
    [ERR_LIB_USER * 2 ** ERR_LIB_OFFSET, 'PKCS#11 token'],
    [ERR_LIB_USER * 2 ** ERR_LIB_OFFSET + SIGNING_FAILED, 'signing failed'],
  ] as const;
  const list = koffi.alloc(type, names.length + 1);
  names.forEach(([error, name], index) => {
    const string = koffi.alloc('char', name.length + 1);
    koffi.encode(string, 'char', `${name}\0`, name.length + 1);
    koffi.encode(list, index * koffi.sizeof(type), type, { error, string });
  });
  koffi.encode(list, names.length * koffi.sizeof(type), type, { error: 0, string: null });
  return list;
}

/** A callback for OpenSSL. It lives as long as the thread. */
export function registerCallback(
  koffi: Koffi,
  parameters: readonly string[],
  callback: (...args: readonly unknown[]) => number,
): Pointer {
  const type: TypeObject = koffi.proto('int', [...parameters]);
  return koffi.register(callback, koffi.pointer(type));
}

/** The bytes of a pointer, for a function with a pointer-to-pointer parameter. */
export function pointerTo(koffi: Koffi, address: Pointer): Buffer {
  const bytes = Buffer.alloc(koffi.sizeof('void *'));
  koffi.encode(bytes, 'void *', address);
  return bytes;
}

/** Copies bytes from native memory. */
export function readMemory(koffi: Koffi, address: Pointer, length: number): Buffer {
  return Buffer.from(new Uint8Array(koffi.view(address, length)));
}

/** Copies bytes into native memory. */
export function writeMemory(koffi: Koffi, address: Pointer, bytes: Uint8Array): void {
  new Uint8Array(koffi.view(address, bytes.length)).set(bytes);
}
