import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { systemLibraryFolders } from '../system-folders.ts';

/** The name OpenSSL knows libp11's engine by. */
export const ENGINE_ID = 'pkcs11';

const ENGINE_FILES = ['pkcs11.so', 'pkcs11.dylib'];

/**
 * Finds the folder that holds libp11's OpenSSL engine, where distributions put it.
 *
 * @param configured - the value of `OPENSSL_ENGINES`, which goes first
 */
export function findEngineFolder(configured: string | undefined): string | undefined {
  const folders = [
    ...(configured === undefined ? [] : [configured]),
    ...systemLibraryFolders().map((folder) => join(folder, 'engines-3')),
  ];
  return folders.find((folder) => ENGINE_FILES.some((file) => existsSync(join(folder, file))));
}

let libraryInUse: string | undefined;

/**
 * Points the engine of this process to a PKCS#11 library. The engine reads its two environment variables when it is
 * first used, and never again.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11_LIBRARY` where the engine was pointed to another library before
 */
export function configureEngine(folder: string, library: string): void {
  if (libraryInUse !== undefined && libraryInUse !== library) {
    throw new CredentialHelperError(
      `this process already uses the PKCS#11 library ${libraryInUse}; the OpenSSL engine cannot take ${library} besides`,
      {
        code: 'ERR_PKCS11_LIBRARY',
        hint: 'leave "isolate" at its default, so that each library has a process of its own',
      },
    );
  }
  libraryInUse = library;
  // biome-ignore-start lint/style/noProcessEnv: the engine can be told in no other way
  process.env.OPENSSL_ENGINES = folder;
  process.env.PKCS11_MODULE_PATH = library;
  // biome-ignore-end lint/style/noProcessEnv: the engine can be told in no other way
}
