import { existsSync } from 'node:fs';
import { dirname, isAbsolute, parse, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../error-codes.ts';
import { CredentialHelperError } from '../errors.ts';

/** A path or a `file:` URL. */
export type Path = string | URL;

/**
 * The absolute path that an option names.
 *
 * Text that names no file and may be a misplaced secret is rejected here, and not shown: later messages may show the
 * path.
 *
 * @param given - a path, relative to the working directory, or a `file:` URL
 * @param option - the name of the option, for messages
 * @param code - for text that names no file
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `code`
 */
export function pathOf(
  given: Path,
  option: string,
  code: ErrorCode = 'ERR_FILE_UNREADABLE',
): string {
  const path = typeof given === 'string' && !/^file:\//i.test(given) ? given : pathOfUrl(given);
  if (path === undefined) {
    throw new CredentialHelperError(`"${option}" is a URL that is not the file: URL of a path`, {
      code: 'ERR_INVALID_OPTION',
      hint: 'pass a path, or a URL such as file:///etc/device/key.pem',
    });
  }
  const absolute = absolutePath(path, option, code);
  if (existsSync(absolute)) return absolute;
  if (path.startsWith('~')) throw unexpanded(option, code);
  if (isPlainlyPath(path)) return absolute;
  throw isPlainName(path) ? notThere(path, option, code) : noPath(path, option);
}

/** Whether a value is a `URL`, also of another realm. */
export function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && 'href' in value && 'protocol' in value;
}

/**
 * The path of a `file:` URL: `file:/path` and `file:///path` (RFC 8089). Undefined if the URL names no path of this
 * system.
 */
export function pathOfUrl(given: Path): string | undefined {
  try {
    const url = new URL(given);
    return url.host === '' && url.pathname.startsWith('/') ? fileURLToPath(url) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether text looks like a path to an existing folder, so that no part of it can be a secret: a misplaced secret has
 * no folders before it.
 */
export function isPlainlyPath(text: string): boolean {
  if (!isPlainName(text)) return false;
  const [first, ...others] = text.split(SEPARATOR);
  if (FILE_NAME.test(text)) return true;
  if (others.length === 0) return false;
  if (first === '.' || first === '..') return true;
  if (isAbsolute(text) && others.length > 2 && others.every((part) => part !== '')) return true;
  const path = resolve(text);
  const { root } = parse(path);
  const [top = ''] = path.slice(root.length).split(sep);
  // A trailing slash names nothing.
  if (!isAbsolute(text) && dirname(path) === resolve('.')) return false;
  // An entry of the root folder may be a PIN after a slash.
  const folders = [dirname(path), ...(isAbsolute(text) ? [root + top] : [])];
  return path !== root + top && folders.some((folder) => folder !== root && existsSync(folder));
}

const SEPARATOR = sep === '/' ? '/' : /[\\/]/;

/** A name such as `thing-key.pem`. */
const FILE_NAME =
  /^[\\/]?(?:[\w-]+[\\/])*[\w-][\w.-]*\.(?:pem|crt|cert?|der|key|p12|pfx|txt|pin|pub|csr|json|jks|so|dll|dylib)$/;

/** Whether no part of a text looks like a key: runs of letters and digits longer than words, or unusual characters. */
export function isPlainName(text: string): boolean {
  if (text.length > 1024 || /[\p{Cc}+=,;{}"'<>|?&]/u.test(text) || /^data:/i.test(text))
    return false;
  return text.split(/[\\/]/).every((part) => !LONG_RUN.test(part) || EXTENSION.test(part));
}

/** A run of base64 or hexadecimal characters that is longer than words. */
const LONG_RUN = /[A-Za-z0-9]{24,}/;
const EXTENSION = /\.[A-Za-z0-9]{1,8}$/;

function absolutePath(path: string, option: string, code: ErrorCode): string {
  try {
    return resolve(path);
  } catch (cause) {
    throw new CredentialHelperError(
      `"${option}" is a relative path, and the working folder of this process was deleted`,
      { code, cause, hint: 'pass an absolute path' },
    );
  }
}

function unexpanded(option: string, code: ErrorCode): CredentialHelperError {
  return new CredentialHelperError(
    `"${option}" begins with "~", which shells expand to the home folder and Node.js does not`,
    { code, hint: 'write the path of the home folder instead' },
  );
}

function notThere(text: string, option: string, code: ErrorCode): CredentialHelperError {
  const where = isAbsolute(text) ? '' : `, in ${process.cwd()}`;
  return new CredentialHelperError(
    `no file has the name passed as "${option}": a string of ${text.length} characters${where}`,
    {
      code,
      hint: 'check the path; the text is not shown, as it may be a secret in the wrong place',
    },
  );
}

function noPath(text: string, option: string): CredentialHelperError {
  return new CredentialHelperError(
    `"${option}" is a string of ${text.length} characters that is neither PEM nor the path of a file: ${looks(text)}`,
    {
      code: 'ERR_INVALID_OPTION',
      hint: 'pass a path, PEM text, or bytes; the text is not shown, as it may be a secret',
    },
  );
}

function looks(text: string): string {
  if (/^data:/i.test(text)) return 'it looks like a data: URL';
  if (/^\s*[{[]/.test(text)) return 'it looks like JSON';
  if (/^[0-9a-f\s:]+$/i.test(text)) return 'it looks like hexadecimal digits';
  if (/^[A-Za-z0-9+/=_\s-]+$/.test(text))
    return 'it looks like base64, but not of a certificate or key';
  return 'it does not look like a path';
}
