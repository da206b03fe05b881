import { dirname, extname, isAbsolute, join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { isPem } from '../identity/pem.ts';
import { isPkcs11Uri } from '../identity/pkcs11-uri.ts';
import { readFile } from '../identity/read-file.ts';
import { isObject, parseJson } from '../json.ts';
import { withoutProxySecrets } from '../options/proxy.ts';
import { COMMAND, type Found, type Layer, SECRET, withoutSecrets } from './layer.ts';
import { SETTINGS } from './names.ts';
import { nearest } from './nearest.ts';

/**
 * The settings in a file of this package: YAML, or JSON, with the options of `createSession`. Its paths are relative to
 * its folder.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_FILE_UNREADABLE`, `ERR_INVALID_OPTION` for a file that
 * cannot be parsed, and for unknown members
 */
export async function readConfigFile(file: string): Promise<Layer> {
  const values = await parseFile(file);
  const { pkcs11 = {}, ...others } = values;
  if (!isObject(pkcs11)) throw invalid(file, '"pkcs11" must be an object');
  const layer = new Map<string, Found>();
  const inToken = Object.entries(pkcs11).map(([name, value]) => [`pkcs11.${name}`, value] as const);
  for (const [name, value] of [...Object.entries(others), ...inToken]) {
    if (!OPTIONS.includes(name)) throw unknownMember(file, name);
    const found = PATHS.includes(name) ? absolute(value, file) : absoluteSecret(value, file);
    layer.set(name, { value: found, origin: `${name} in ${file}`, shown: shown(name, found) });
  }
  return layer;
}

/** Parses YAML or JSON to an object. */
export async function parseFile(file: string): Promise<Record<string, unknown>> {
  const bytes = readFile(file, `file "${file}"`);
  const values = extname(file) === '.json' ? parseJson(bytes) : await parseYaml(bytes, file);
  if (!isObject(values)) throw invalid(file, 'it does not contain an object of settings');
  return values;
}

async function parseYaml(bytes: Buffer, file: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(bytes.toString('utf8'), { logLevel: 'error', prettyErrors: false });
  } catch (cause) {
    // Its message may quote a secret.
    const { linePos, code } = cause as { linePos?: readonly { line: number }[]; code?: string };
    const where = linePos?.[0] === undefined ? '' : ` in line ${linePos[0].line}`;
    throw invalid(file, `it is not YAML or JSON${where}${code === undefined ? '' : ` (${code})`}`);
  }
}

const OPTIONS: readonly string[] = [
  ...SETTINGS.map(({ option }) => option),
  'verifyPeer',
  'pkcs11.isolate',
  'pkcs11.stateFolder',
];

/** Options whose text is a path unless it is PEM or a URI. */
const PATHS: readonly string[] = [
  'certificate',
  'privateKey',
  'ca',
  'pkcs11.library',
  'pkcs11.stateFolder',
];

function absolute(value: unknown, file: string): unknown {
  if (typeof value !== 'string' || isAbsolute(value)) return value;
  const isPath = !isPem(value) && !isPkcs11Uri(value) && !/^file:/i.test(value);
  return isPath ? join(dirname(file), value) : value;
}

function absoluteSecret(value: unknown, file: string): unknown {
  if (!isObject(value) || typeof value.file !== 'string') return value;
  return { ...value, file: absolute(value.file, file) };
}

function shown(name: string, value: unknown): string {
  if (isObject(value)) return 'command' in value ? COMMAND : JSON.stringify(value);
  if (name === 'proxy') return withoutProxySecrets(String(value));
  const isSecret = name === 'passphrase' || name === 'pkcs11.userPin';
  return isSecret && value !== null ? SECRET : withoutSecrets(String(value));
}

function unknownMember(file: string, name: string): CredentialHelperError {
  const near = nearest(name, OPTIONS);
  const isName = /^[A-Za-z0-9.]{1,40}$/.test(name);
  return new CredentialHelperError(`unknown setting${isName ? ` "${name}"` : ''} in ${file}`, {
    code: 'ERR_INVALID_OPTION',
    hint: near === undefined ? `known are ${OPTIONS.join(', ')}` : `did you mean "${near}"?`,
  });
}

function invalid(file: string, problem: string): CredentialHelperError {
  return new CredentialHelperError(`the file of settings ${file} cannot be used: ${problem}`, {
    code: 'ERR_INVALID_OPTION',
  });
}
