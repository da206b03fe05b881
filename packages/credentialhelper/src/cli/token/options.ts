import { type Command, Option } from 'commander';
import { type CredentialHelperError, isCredentialHelperError } from '../../errors.ts';
import { checkModule, findModule } from '../../identity/library-path.ts';
import { misplacedIn } from '../../identity/misplaced.ts';
import { type PinSource, parsePinSource } from '../../identity/pin.ts';
import { type Pkcs11Uri, parsePkcs11Uri } from '../../identity/pkcs11-uri.ts';
import { openSource, readPipes, type Source } from '../../identity/read-source.ts';
import type { LibraryLocation } from '../../pkcs11/library-location.ts';
import { filePath } from '../file-path.ts';
import { parseTimeoutMs, parseWholeNumber } from '../usage.ts';
import { UsageError } from '../usage-error.ts';

/** The options that select a token, unchecked. */
export interface TokenFlags {
  readonly module?: string;
  readonly libraryParameters?: string;
  readonly tokenLabel?: string;
  readonly tokenSerial?: string;
  /** Label of a key or object, for commands that have it. */
  readonly label?: string;
  readonly slotId?: number;
  readonly pinFile?: string;
  readonly pinCommand?: string;
  readonly uri?: string;
  readonly ignorePinFlags?: boolean;
  readonly timeoutMs: number;
  readonly json?: boolean;
}

/** The selected token, and the source of its PIN. */
export interface Target {
  /** Absolute path of the library; undefined if neither option nor URI names it. */
  readonly library: string | undefined;
  /** The string that the library is initialized with. */
  readonly libraryParameters: string | undefined;
  /** What the token must match; with `object` and `id` if a URI names them. */
  readonly match: Pkcs11Uri;
  /** Undefined: prompt on the terminal. */
  readonly pinSource: PinSource | undefined;
  /** Whether to log in to a token that reports its PIN as locked or with one try left. */
  readonly ignorePinFlags: boolean;
  /** Timeout of the command, in milliseconds. */
  readonly timeoutMs: number;
}

/** Default timeout of a command, in milliseconds: on some tokens generating a key takes a minute. */
const DEFAULT_TIMEOUT_MS = 120_000;

/** Adds the options that all token commands have. */
export function addTokenOptions(command: Command, timeoutMs = DEFAULT_TIMEOUT_MS): Command {
  return command
    .option('--module <path>', 'path of the PKCS#11 library')
    .option(
      '--library-parameters <text>',
      'string to initialize the library with (required by NSS)',
    )
    .option('--token-label <label>', 'label of the token')
    .option('--token-serial <number>', 'its serial number, if several tokens have the same label')
    .addOption(new Option('--slot-id <number>', 'id of its slot').argParser(parseWholeNumber))
    .option('--uri <uri>', 'a PKCS#11 URI instead: pkcs11:token=…?module-path=…')
    .option('--pin-file <file>', 'file with the user PIN; default: ask on the terminal')
    .option('--pin-command <command>', 'command for the shell that prints the user PIN')
    .option(
      '--ignore-pin-flags',
      'log in to a token that reports its PIN as locked or with one try left',
    )
    .addOption(timeoutOption(timeoutMs))
    .option('--json', 'print one JSON document');
}

/**
 * Timeout for a pipe, in milliseconds: a little less than that of the command, so that the error names the
 * pipe.
 */
export function pipeLimitMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs * 0.8);
}

/** The deadline of a command; prompts do not count. */
export function timeoutOption(defaultMs = DEFAULT_TIMEOUT_MS): Option {
  return new Option('--timeout-ms <number>', 'timeout, not counting prompts')
    .argParser(parseTimeoutMs)
    .default(defaultMs);
}

/**
 * Reads the options that select a token.
 *
 * @throws {@link UsageError} if they contradict each other, and for a PIN on the command line
 * @throws {@link CredentialHelperError} `ERR_PKCS11_LIBRARY` if the library does not exist
 */
export function readTarget(flags: TokenFlags): Target {
  checkName(flags.tokenLabel, '--token-label');
  checkName(flags.tokenSerial, '--token-serial');
  checkName(flags.label, '--label');
  const uri = flags.uri === undefined ? {} : readUri(flags.uri);
  for (const [given, inUri, name] of [
    [flags.tokenLabel, uri.token, '--token-label'],
    [flags.tokenSerial, uri.serial, '--token-serial'],
    [flags.slotId, uri.slotId, '--slot-id'],
    [flags.module, uri.modulePath ?? uri.moduleName, '--module'],
    [flags.pinFile, uri.pinSource, '--pin-file'],
    [flags.pinCommand, uri.pinSource, '--pin-command'],
  ] as const) {
    if (given !== undefined && inUri !== undefined) {
      throw new UsageError(`${name} and --uri name the same thing`, {
        hint: 'leave out one',
      });
    }
  }
  const { modulePath: _path, moduleName: _name, pinSource, ...match } = uri;
  return {
    library: readModule(flags, uri),
    libraryParameters: flags.libraryParameters,
    match: {
      ...match,
      ...(flags.tokenLabel === undefined ? {} : { token: flags.tokenLabel }),
      ...(flags.tokenSerial === undefined ? {} : { serial: flags.tokenSerial }),
      ...(flags.slotId === undefined ? {} : { slotId: flags.slotId }),
    },
    pinSource: readPinSource(flags, pinSource),
    ignorePinFlags: flags.ignorePinFlags === true,
    timeoutMs: flags.timeoutMs,
  };
}

function readPinSource(
  { pinFile, pinCommand }: TokenFlags,
  inUri: string | undefined,
): PinSource | undefined {
  if (pinFile !== undefined && pinCommand !== undefined) {
    throw new UsageError('--pin-file and --pin-command name the same thing', {
      hint: 'leave out one',
    });
  }
  if (pinCommand !== undefined) return { command: pinCommand };
  if (pinFile !== undefined) return { file: filePath(pinFile, '--pin-file') };
  return inUri && asUsage(() => parsePinSource(inUri, '--uri'));
}

/**
 * Checks a name that messages may show.
 *
 * @throws {@link UsageError} if it contains a PKCS#11 URI or a key
 */
export function checkName(name: string | undefined, option: string): void {
  const problem = name === undefined ? undefined : misplacedIn(name);
  if (problem === undefined) return;
  throw new UsageError(`${option} must be a name, and its value ${problem}`, {
    hint: 'pass the name alone, or a PKCS#11 URI as --uri',
  });
}

/** The path of the library, for a command that requires one. */
export function requireModule({ library, libraryParameters }: Target): LibraryLocation {
  if (library !== undefined) return { library, libraryParameters };
  throw new UsageError('no PKCS#11 library is named: pass --module PATH or --uri URI', {
    hint: 'awsiot-credentialhelper token list lists the libraries of this system',
  });
}

/**
 * The file of a key or certificate on the command line; a pipe is read here.
 *
 * @param timeoutMs - timeout of the command, in milliseconds
 * @param other - the file of another option: one pipe may be both
 * @throws {@link UsageError} (as a rejection) if it is the content, or a PKCS#11 URI, and not a path
 */
export async function openFile(
  given: string,
  option: string,
  timeoutMs: number,
  other?: Source,
): Promise<Source> {
  const source = openSource(filePath(given, option), option, [other]);
  await readPipes([source], pipeLimitMs(timeoutMs));
  return source;
}

function readModule({ module, uri: text }: TokenFlags, uri: Pkcs11Uri): string | undefined {
  if (module !== undefined) return checkModule(filePath(module, '--module'), '--module');
  return text === undefined ? undefined : findModule(uri, '--uri');
}

function readUri(text: string): Pkcs11Uri {
  const uri = asUsage(() => parsePkcs11Uri(text, '--uri'));
  if (uri.pinValue === undefined) return uri;
  throw new UsageError('the --uri has a pin-value, and other users can see command lines', {
    hint: 'use pin-source=PATH in it, or --pin-file',
  });
}

/** Converts an error about an option into a usage error. */
function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isCredentialHelperError(cause)) throw cause;
    const { message, hint }: CredentialHelperError = cause;
    throw new UsageError(message, { hint, cause });
  }
}
