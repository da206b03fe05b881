import { randomBytes } from 'node:crypto';
import { linkSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { isCredentialHelperError } from '../../errors.ts';
import { readFile } from '../../identity/read-file.ts';
import { makeFolder } from '../../pins/folders.ts';
import { randomToken } from '../../server/token.ts';
import { UsageError } from '../usage-error.ts';

/** A token, and the file that holds it; without a file it is from an environment variable. */
export interface TokenPlace {
  readonly token: string;
  readonly file: string | undefined;
}

/** Where tokens are, as given on the command line. */
export interface TokenFlags {
  readonly tokenFile?: string;
  readonly tokenFolder?: string;
}

/** The environment variable of a token. */
export const TOKEN_VARIABLE = 'AWS_IOT_SERVE_TOKEN';

/** What headers and shells pass on unchanged; clients refuse line breaks. */
const TOKEN = /^[\x21-\x7e]{16,1024}$/;

/** The variable is read once: programs that this process starts do not inherit it. */
let ofVariable: string | undefined;

/**
 * The tokens of things, which are created if they do not exist.
 *
 * @param names - the names of many things; undefined for a single one
 * @throws {@link UsageError}
 */
export function readTokens(
  { tokenFile, tokenFolder }: TokenFlags,
  names: readonly string[] | undefined,
): readonly TokenPlace[] {
  ofVariable ??= process.env[TOKEN_VARIABLE];
  delete process.env[TOKEN_VARIABLE];
  if (names === undefined) {
    if (tokenFolder !== undefined) throw new UsageError('--token-folder is for many things', FILE);
    if (tokenFile === undefined && ofVariable !== undefined) {
      return [{ token: checkToken(ofVariable, TOKEN_VARIABLE), file: undefined }];
    }
    return [tokenIn(tokenFile ?? join(defaultFolder(), 'token'))];
  }
  if (tokenFile !== undefined) {
    throw new UsageError('--token-file is for a single thing', {
      hint: 'each of many things has its own token: pass --token-folder',
    });
  }
  const folder = tokenFolder ?? join(defaultFolder(), 'tokens');
  return names.map((name) => tokenIn(join(folder, name)));
}

const FILE = { hint: 'pass --token-file' };

/** systemd.exec(5), `RuntimeDirectory=`; XDG Base Directory Specification. */
function defaultFolder(): string {
  const { RUNTIME_DIRECTORY = '', XDG_RUNTIME_DIR = '' } = process.env;
  const [folder = ''] = RUNTIME_DIRECTORY.split(':');
  if (isAbsolute(folder)) return folder;
  if (isAbsolute(XDG_RUNTIME_DIR)) return join(XDG_RUNTIME_DIR, 'awsiot-credentialhelper');
  throw new UsageError('no place is known for the token of clients', {
    hint: 'pass --token-file FILE, which is created with a random token; or for many things --token-folder',
  });
}

function tokenIn(given: string): TokenPlace {
  const file = resolve(given);
  const what = `the token file ${file}`;
  try {
    createToken(file);
    return { token: checkToken(readOwn(file, what), what), file };
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const { message } = cause as Error;
    if (isCredentialHelperError(cause)) throw new UsageError(message, { hint: cause.hint, cause });
    throw new UsageError(`cannot create ${what}: ${message}`, { cause });
  }
}

/** Creates the file as a whole: another process sees it with a token in it, or not at all. */
function createToken(file: string): void {
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return;
  makeFolder(dirname(file));
  // Not the id of this process: those of two containers that share a volume may be the same.
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, randomToken(), { mode: 0o600, flag: 'wx' });
    linkSync(temporary, file);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Reads a file, and not a pipe: clients read it, too, and so does a reload. */
function readOwn(file: string, what: string): string {
  let stats: Stats | undefined;
  const bytes = readFile(file, what, (found) => {
    stats = found;
  });
  if (stats !== undefined) checkOwner(file, stats);
  return bytes.toString('latin1');
}

function checkOwner(file: string, { mode, uid }: Stats): void {
  const self = process.getuid?.();
  // systemd gives access only to the user of the unit, in ways that the mode does not show.
  if (self === undefined || isSystemdCredential(file)) return;
  if ((mode & 0o077) !== 0) {
    throw new UsageError(`other users can read the token file ${file}`, {
      hint: `chmod 600 ${file}, and replace the token if others may have read it`,
    });
  }
  if (uid !== self && uid !== 0) {
    throw new UsageError(`the token file ${file} belongs to another user (uid ${uid})`, {
      hint: 'name a file of the user that runs this command',
    });
  }
}

function isSystemdCredential(file: string): boolean {
  const { CREDENTIALS_DIRECTORY = '' } = process.env;
  return isAbsolute(CREDENTIALS_DIRECTORY) && file.startsWith(CREDENTIALS_DIRECTORY + sep);
}

function checkToken(token: string, what: string): string {
  if (TOKEN.test(token)) return token;
  throw new UsageError(
    `${what} must hold 16 to 1024 printable ASCII characters, without spaces and line breaks`,
    {
      hint: 'write it without a newline: printf %s TOKEN >FILE; or remove it: a random one is created',
    },
  );
}
