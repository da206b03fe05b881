import { dirname, extname, isAbsolute, join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { isPem } from '../identity/pem.ts';
import { isPkcs11Uri } from '../identity/pkcs11-uri.ts';
import { readFile } from '../identity/read-file.ts';
import { isObject, parseJson } from '../json.ts';
import { CONFIG_MEMBERS } from './config-members.ts';
import { COMMAND, type Found, type Layer, SECRET, shownPath, shownValue } from './layer.ts';
import { nearest } from './nearest.ts';

/** The settings in a file. */
export interface ConfigFile {
  /** Those of its only thing, or the defaults of its things. */
  readonly defaults: Layer;
  /** Those of each thing, by its name; undefined in a file without `things`. */
  readonly things: ReadonlyMap<string, Layer> | undefined;
}

/**
 * The settings in a file of this package: YAML, or JSON, with the options of `createSession`, or with those of many things in
 * `things`. Its paths are relative to its folder.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_FILE_UNREADABLE`, `ERR_INVALID_OPTION` for a file that
 * cannot be parsed, for unknown members and values of another type, and for things without a name of their own
 */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  const { things, $schema: schema, ...defaults } = await parseFile(file);
  if (schema !== undefined && typeof schema !== 'string') {
    throw invalid(file, '"$schema" must be text');
  }
  return {
    defaults: layerOf(defaults, file, ''),
    things: things === undefined ? undefined : readThings(things, file),
  };
}

function readThings(things: unknown, file: string): ReadonlyMap<string, Layer> {
  if (!Array.isArray(things) || things.length === 0) {
    throw invalid(file, '"things" must be a list of at least one thing');
  }
  const layers = new Map<string, Layer>();
  for (const [index, thing] of things.entries()) {
    const place = `things[${index}]`;
    if (!isObject(thing)) throw invalid(file, `"${place}" must be an object`);
    const { thingName } = thing;
    if (typeof thingName !== 'string' || thingName === '') {
      throw invalid(file, `"${place}.thingName" must be the name of the thing`);
    }
    if (layers.has(thingName)) throw invalid(file, `"${place}" has the name of another thing`);
    layers.set(thingName, layerOf(thing, file, `${place}.`));
  }
  return layers;
}

/** @param place - the object in the file, as the beginning of names */
function layerOf(values: Record<string, unknown>, file: string, place: string): Layer {
  const { pkcs11 = {}, ...others } = values;
  if (!isObject(pkcs11)) throw invalid(file, `"${place}pkcs11" must be an object`);
  const layer = new Map<string, Found>();
  const inToken = Object.entries(pkcs11).map(([name, value]) => [`pkcs11.${name}`, value] as const);
  for (const [name, value] of [...Object.entries(others), ...inToken]) {
    const member = CONFIG_MEMBERS.get(name);
    if (member === undefined) throw unknownMember(file, name, place);
    if (!member.kind.accepts(value)) throw invalid(file, `"${place}${name}" ${member.kind.must}`);
    const found = PATHS.includes(name) ? absolute(value, file) : absoluteSecret(value, file);
    const origin = `${place}${name} in ${file}`;
    layer.set(name, { value: found, origin, shown: shown(name, found) });
  }
  return layer;
}

/** Parses YAML or JSON to an object. */
export async function parseFile(file: string): Promise<Record<string, unknown>> {
  const bytes = readFile(file, `file "${file}"`);
  const values = extname(file) === '.json' ? parseJson(bytes) : await parseYaml(bytes, file);
  if (values === undefined) throw invalid(file, 'it is not valid JSON');
  if (!isObject(values)) throw invalid(file, 'it does not contain an object of settings');
  return values;
}

async function parseYaml(bytes: Buffer, file: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(bytes.toString('utf8'), { logLevel: 'error' });
  } catch (cause) {
    // Its message may quote a secret.
    const { linePos, code } = cause as { linePos?: readonly { line: number }[]; code?: string };
    const where = linePos?.[0] === undefined ? '' : ` in line ${linePos[0].line}`;
    throw invalid(file, `it is not YAML or JSON${where}${code === undefined ? '' : ` (${code})`}`);
  }
}

const OPTIONS = [...CONFIG_MEMBERS.keys()];

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
  if (isObject(value)) {
    if ('command' in value) return COMMAND;
    const { file } = value;
    return JSON.stringify(typeof file === 'string' ? { file: shownPath(file) } : value);
  }
  const isSecret = name === 'passphrase' || name === 'pkcs11.userPin';
  return isSecret && value !== null ? SECRET : shownValue(name, String(value));
}

function unknownMember(file: string, name: string, place: string): CredentialHelperError {
  const near = nearest(name, OPTIONS);
  const isName = /^[A-Za-z0-9.]{1,40}$/.test(name);
  return new CredentialHelperError(
    `unknown setting${isName ? ` "${place}${name}"` : ''} in ${file}`,
    {
      code: 'ERR_INVALID_OPTION',
      hint: near === undefined ? `known are ${OPTIONS.join(', ')}` : `did you mean "${near}"?`,
    },
  );
}

function invalid(file: string, problem: string): CredentialHelperError {
  return new CredentialHelperError(`the file of settings ${file} cannot be used: ${problem}`, {
    code: 'ERR_INVALID_OPTION',
  });
}
