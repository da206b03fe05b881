import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { systemLibraryFolders } from './system-folders.ts';

/** A PKCS#11 library that was found on this system, or is named in its configuration. */
export interface Module {
  /** Its path. */
  readonly path: string;
  /** Whether the file exists. */
  readonly exists: boolean;
  /** How it was found: the p11-kit configuration file, or `well-known path`. */
  readonly foundBy: string;
  /** Whether p11-kit's configuration marks it as a store of CA certificates (`trust-policy`), not keys. */
  readonly trustPolicy: boolean;
}

/** The folders of p11-kit's configuration; a file in a later folder overrides one of the same name. */
const CONFIGURATION_FOLDERS = ['/usr/share/p11-kit/modules', '/etc/pkcs11/modules'];

/** Files below the library folders, and whole paths. */
const WELL_KNOWN = [
  'softhsm/libsofthsm2.so',
  'libsofthsm2.so',
  'pkcs11/libsofthsm2.so',
  'pkcs11/libtpm2_pkcs11.so',
  'libtpm2_pkcs11.so.1',
  'libtpm2_pkcs11.so',
  'pkcs11/opensc-pkcs11.so',
  'opensc-pkcs11.so',
  'libykcs11.so.2',
  'libykcs11.so',
  'pkcs11/yubihsm_pkcs11.so',
  'pkcs11/libopencryptoki.so',
  'opencryptoki/libopencryptoki.so',
  'libsoftokn3.so', // NSS
  'nss/libsoftokn3.so',
  'libcryptoauth.so', // Microchip ATECC608
  '/opt/cloudhsm/lib/libcloudhsm_pkcs11.so',
];

/**
 * Finds the PKCS#11 libraries of this system: those that p11-kit is configured with, and those at well-known paths.
 *
 * @param home - the user's home folder, for the user's own configuration
 */
export function findModules(home: string): readonly Module[] {
  const found = [...configuredModules(home), ...wellKnownModules()];
  const seen = new Set<string>();
  return found.filter(({ path }) => {
    const real = realPath(path) ?? path;
    return !seen.has(real) && seen.add(real);
  });
}

function configuredModules(home: string): readonly Module[] {
  const folders = [...CONFIGURATION_FOLDERS, join(home, '.config/pkcs11/modules')];
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const name of list(folder)) {
      if (name.endsWith('.module')) files.set(name, join(folder, name));
    }
  }
  return [...files.values()].flatMap((file) => {
    const settings = readSettings(file);
    const module = settings.get('module');
    if (!module) return [];
    const path = isAbsolute(module) ? module : inFolders(module);
    return [
      {
        path,
        exists: realPath(path) !== undefined,
        foundBy: file,
        trustPolicy: settings.get('trust-policy') === 'yes',
      },
    ];
  });
}

function inFolders(name: string): string {
  const paths = systemLibraryFolders().map((folder) => join(folder, 'pkcs11', name));
  return paths.find((path) => realPath(path) !== undefined) ?? name;
}

/** The lines `name: value` of a configuration file (pkcs11.conf(5)). */
function readSettings(file: string): ReadonlyMap<string, string> {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Same as empty.
  }
  return new Map(
    Array.from(text.matchAll(/^[ \t]*([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*?)[ \t\r]*$/gm), (match) => [
      match[1] ?? '',
      match[2] ?? '',
    ]),
  );
}

function wellKnownModules(): readonly Module[] {
  const paths = WELL_KNOWN.flatMap((path) =>
    isAbsolute(path) ? [path] : systemLibraryFolders().map((folder) => join(folder, path)),
  );
  return paths
    .filter((path) => realPath(path) !== undefined)
    .map((path) => ({ path, exists: true, foundBy: 'well-known path', trustPolicy: false }));
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
