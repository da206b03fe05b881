import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { CredentialHelperError } from '../../errors.ts';
import { type Pkcs11Uri, parsePkcs11Uri } from '../../identity/pkcs11-uri.ts';
import { findModuleByName } from '../../token/modules.ts';
import { parseWholeNumber, UsageError } from '../usage.ts';

/** The options that say which token is meant, as they were given. */
export interface TokenFlags {
  readonly module?: string;
  readonly tokenLabel?: string;
  readonly slotId?: number;
  readonly pinFile?: string;
  readonly uri?: string;
  readonly json?: boolean;
}

/** Which token is meant, and where its PIN is to be read from. */
export interface Target {
  /** Absolute path of the library, where one was named. */
  readonly library: string | undefined;
  /** What the token must match; with `object` and `id` where a URI named them. */
  readonly match: Pkcs11Uri;
  readonly pinFile: string | undefined;
}

/** Adds the options that all token commands have. */
export function addTokenOptions(command: Command): Command {
  return command
    .option('--module <path>', 'path of the PKCS#11 library')
    .option('--token-label <label>', 'label of the token')
    .addOption(new Option('--slot-id <number>', 'id of its slot').argParser(parseWholeNumber))
    .option('--uri <uri>', 'a PKCS#11 URI instead: pkcs11:token=…?module-path=…')
    .option('--pin-file <file>', 'file with the user’s PIN; default: ask on the terminal')
    .option('--json', 'print one JSON document');
}

/**
 * Reads the options that say which token is meant.
 *
 * @throws {@link UsageError} where they contradict each other, and for a PIN on the command line
 */
export function readTarget(flags: TokenFlags): Target {
  const uri = flags.uri === undefined ? {} : readUri(flags.uri);
  for (const [given, inUri, name] of [
    [flags.tokenLabel, uri.token, '--token-label'],
    [flags.slotId, uri.slotId, '--slot-id'],
    [flags.module, uri.modulePath ?? uri.moduleName, '--module'],
    [flags.pinFile, uri.pinSource, '--pin-file'],
  ] as const) {
    if (given !== undefined && inUri !== undefined) {
      throw new UsageError(`${name} is given, and --uri says the same thing`, {
        hint: 'leave out one',
      });
    }
  }
  const { modulePath, moduleName, pinSource, ...match } = uri;
  const pinFile = flags.pinFile ?? (pinSource === undefined ? undefined : pinPath(pinSource));
  const library = flags.module ?? modulePath ?? (moduleName && moduleNamed(moduleName));
  return {
    library: library === undefined ? undefined : resolve(library),
    match: {
      ...match,
      ...(flags.tokenLabel === undefined ? {} : { token: flags.tokenLabel }),
      ...(flags.slotId === undefined ? {} : { slotId: flags.slotId }),
    },
    pinFile: pinFile === undefined ? undefined : resolve(pinFile),
  };
}

/** The path of the library, for a command that must have one. */
export function requireModule({ library }: Target): string {
  if (library !== undefined) return library;
  throw new UsageError(
    'no PKCS#11 library is named: give --module PATH, or a --uri with module-path',
    { hint: 'awsiot-credentialhelper token list shows the libraries of this system' },
  );
}

/**
 * The path of a file that was given on the command line.
 *
 * @throws {@link UsageError} where it is the content, or a PKCS#11 URI, and not a path
 */
export function filePath(given: string, option: string): string {
  if (given.includes('-----BEGIN ')) {
    throw new UsageError(`${option} is the path of a file, and PEM text was given`, {
      hint: 'what stands on a command line can be seen by others on this system',
    });
  }
  if (/^pkcs11:/i.test(given)) {
    throw new UsageError(`${option} is the path of a file, and a PKCS#11 URI was given`);
  }
  return resolve(given);
}

function readUri(text: string): Pkcs11Uri {
  let uri: Pkcs11Uri;
  try {
    uri = parsePkcs11Uri(text, '--uri');
  } catch (error) {
    const { message, hint } = error as CredentialHelperError;
    throw new UsageError(message, { hint, cause: error });
  }
  if (uri.pinValue === undefined) return uri;
  throw new UsageError(
    'the --uri has a pin-value, and what stands on a command line can be seen by others',
    { hint: 'use pin-source=PATH in it, or --pin-file' },
  );
}

// RFC 7512, section 2.4: a pin-source is a file URI or a path; what begins with | would be a command.
function pinPath(source: string): string {
  if (/^file:\//i.test(source)) {
    try {
      return fileURLToPath(source);
    } catch (cause) {
      const message = 'the pin-source of the --uri is no file: URI of this system';
      throw new UsageError(message, { cause });
    }
  }
  if (/^file:/i.test(source)) return source.slice('file:'.length);
  if (source.startsWith('|')) {
    throw new UsageError('the pin-source of the --uri is a command; only files are read here');
  }
  return source;
}

function moduleNamed(name: string): string {
  const module = findModuleByName(name, homedir());
  if (module !== undefined) return module.path;
  throw new CredentialHelperError(`no PKCS#11 library on this system has the name ${name}`, {
    code: 'ERR_PKCS11_LIBRARY',
    hint: '"token list" shows the libraries of this system; give the path as --module or module-path',
  });
}
