import { existsSync } from 'node:fs';
import { misplacedInValue } from '../identity/misplaced.ts';
import { isPlainlyPath } from '../identity/named-path.ts';
import { isPem } from '../identity/pem.ts';
import { isPkcs11Uri, parsePkcs11Uri } from '../identity/pkcs11-uri.ts';
import { invalidOption } from '../options/assert.ts';
import { withoutProxySecrets } from '../options/proxy.ts';
import { SETTINGS, type Setting } from './names.ts';

/** The value of a setting, and where it was found. */
export interface Found {
  readonly value: unknown;
  /** Such as `AWS_IOT_ROLE_ALIAS` or `profile "device" in /root/.aws/config`. */
  readonly origin: string;
  /** The value for people; a secret, or what may be one, is described and not shown. */
  readonly shown: string;
}

/** What one place sets: values by the names of options. */
export type Layer = ReadonlyMap<string, Found>;

/**
 * Reads the settings of a place whose values are text.
 *
 * @param textOf - the text of a setting and the name by which it is set there; undefined if it is not set
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION` for a number that is none, and for two sources of one secret
 */
export function layerOfTexts(
  textOf: (setting: Setting) => { readonly text: string; readonly name: string } | undefined,
  origin: (name: string) => string,
): Layer {
  const layer = new Map<string, Found>();
  const names = new Map<string, string>();
  for (const setting of SETTINGS) {
    const given = textOf(setting);
    if (given === undefined) continue;
    const { text, name } = given;
    const other = names.get(setting.option);
    if (other !== undefined) throw invalidOption(name, `is set, and "${other}", too: set one`);
    names.set(setting.option, name);
    layer.set(setting.option, {
      value: parsedValue(setting, text, name),
      origin: origin(name),
      // Few need it, and to find out whether it may be a secret takes longer than all the rest.
      get shown() {
        return shownText(setting, text);
      },
    });
  }
  return layer;
}

function parsedValue({ kind }: Setting, text: string, name: string): unknown {
  switch (kind) {
    case 'number':
      if (/^\d{1,15}$/.test(text)) return Number(text);
      throw invalidOption(name, 'must be a whole number', text);
    case 'flag':
      if (text === 'true' || text === 'false') return text === 'true';
      throw invalidOption(name, 'must be true or false', text);
    case 'file':
      return { file: text };
    case 'command':
      return { command: text };
    case 'variable':
      return { environmentVariable: name };
    case 'proxy':
      return text === 'false' ? false : text;
    default:
      return text;
  }
}

function shownText({ kind, option }: Setting, text: string): string {
  if (kind === 'command') return COMMAND;
  if (kind === 'variable') return SECRET;
  return kind === 'file' ? shownPath(text) : shownValue(option, text);
}

/** What is shown instead of a command, which may contain a secret. */
export const COMMAND = '(a command)';

/** What is shown instead of a secret. */
export const SECRET = '(a secret)';

/** Options that are the path of a file. */
const FILES = ['certificate', 'privateKey', 'ca', 'pkcs11.library', 'pkcs11.stateFolder'];

/** The text of an option for people: without a key, password or PIN, also one in the wrong place. */
export function shownValue(option: string, text: string): string {
  if (isPem(text)) return '(PEM text)';
  if (isPkcs11Uri(text)) return shownUri(text);
  if (option === 'proxy') return withoutProxySecrets(text);
  if (option === 'pkcs11.uri') return '(not a PKCS#11 URI)';
  if (FILES.includes(option)) return shownPath(text);
  return misplacedInValue(text) === undefined ? text : SECRET;
}

/** A path for people; other text may be a secret: a key in base64, or a PIN. */
export function shownPath(text: string): string {
  // Relative to the home folder is as good as relative to any.
  return isPlainlyPath(text.replace(/^~(?=\/)/, '.')) || existsSync(text)
    ? text
    : '(not the path of a file)';
}

/** A PKCS#11 URI without its PIN, or the command that prints it. */
function shownUri(uri: string): string {
  try {
    parsePkcs11Uri(uri, 'uri');
  } catch {
    // It is not known which part is the PIN.
    return '(not a PKCS#11 URI)';
  }
  return uri
    .replace(/(pin-value=)[^&]*/i, `$1${SECRET}`)
    .replace(/(pin-source=(?:\||%7C))[^&]*/i, `$1${COMMAND}`);
}
