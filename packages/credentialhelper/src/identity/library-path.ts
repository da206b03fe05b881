import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { systemLibraryFolders } from '../pkcs11/system-folders.ts';
import { type Path, pathOf } from './named-path.ts';
import type { Pkcs11Uri } from './pkcs11-uri.ts';

/**
 * Finds the PKCS#11 library that a URI names: by `module-path`, by `module-name` in the usual folders, or else
 * p11-kit's proxy, which shows the tokens of all configured libraries.
 *
 * @param option - the name of the option, for messages
 * @throws {@link CredentialHelperError} `ERR_PKCS11_LIBRARY`
 */
export function findModule(uri: Pkcs11Uri, option: string): string {
  if (uri.modulePath !== undefined) return checkModule(uri.modulePath, option);
  const name = uri.moduleName;
  if (name?.includes('/')) {
    throw missing(`the module-name in "${option}" is a path`, 'use module-path');
  }
  const files =
    name === undefined ? ['p11-kit-proxy.so'] : [`${name}.so`, `lib${name}.so`, `${name}.dylib`];
  const folders = systemLibraryFolders().flatMap((folder) => [
    join(folder, 'pkcs11'),
    join(folder, 'softhsm'),
    folder,
  ]);
  const found = folders.flatMap((folder) => files.map((file) => join(folder, file))).find(isFile);
  if (found !== undefined) return found;
  throw name === undefined
    ? missing(
        `"${option}" does not say which PKCS#11 library to load`,
        'add ?module-path=PATH to it',
      )
    : missing(
        `no PKCS#11 library has the module-name in "${option}": a name of ${name.length} characters`,
        `libraries are looked for in ${folders.join(', ')}; module-path names one elsewhere`,
      );
}

/**
 * The absolute path of a PKCS#11 library, if it is a file.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11_LIBRARY`, `ERR_INVALID_OPTION`
 */
export function checkModule(path: Path, option: string): string {
  const absolute = pathOf(path, option, 'ERR_PKCS11_LIBRARY');
  if (isFile(absolute)) return absolute;
  throw missing(
    `the PKCS#11 library ${absolute} given as "${option}" ${existsSync(absolute) ? 'is not a file' : 'does not exist'}`,
    'pass the path of the PKCS#11 library that came with the token or its driver',
  );
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // An invalid file name, or a folder that this process is not permitted to search.
    return false;
  }
}

function missing(message: string, hint: string): CredentialHelperError {
  return new CredentialHelperError(message, { code: 'ERR_PKCS11_LIBRARY', hint });
}
