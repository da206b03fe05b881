import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CredentialHelperError } from '../errors.ts';
import { misplacedIn } from '../identity/misplaced.ts';
import { type Layer, layerOfTexts } from './layer.ts';
import { SETTINGS } from './names.ts';
import { nearest } from './nearest.ts';
import { parseProfiles } from './parse-profiles.ts';

/**
 * The settings in a profile of the AWS SDKs' configuration file, `~/.aws/config` or `AWS_CONFIG_FILE`. It is parsed by
 * the SDK's own loader, which is loaded only for a file with keys of this package.
 *
 * @param name - the profile. Default: `AWS_PROFILE`, else `default`
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_INVALID_OPTION` for a profile that was named and does not
 * exist, and for an unknown key that begins with `iot_`
 */
export async function readProfile(
  environment: NodeJS.ProcessEnv,
  name: string | undefined,
): Promise<Layer> {
  const file = profileFile(environment);
  const profile = name ?? (environment.AWS_PROFILE || 'default');
  const text = readText(file);
  if (name === undefined && !mentionsIot(text)) return new Map();
  const { configFile } = await parseProfiles(text);
  const keys = Object.hasOwn(configFile, profile) ? configFile[profile] : undefined;
  if (keys === undefined) {
    if (name === undefined) return new Map();
    throw new CredentialHelperError(`there is no profile ${quoted(name)} in ${file}`, {
      code: 'ERR_INVALID_OPTION',
      hint: `a profile other than default begins with [profile NAME]; the file has ${Object.keys(configFile).length} profiles`,
    });
  }
  for (const key of Object.keys(keys)) checkKey(key, profile, file);
  return layerOfTexts(
    ({ key }) => {
      const text = key === '' ? undefined : keys[key];
      return text === undefined || text === '' ? undefined : { text, name: key };
    },
    (key) => `${key} of profile "${profile}" in ${file}`,
  );
}

/** A name for a message; other text may be a secret in the wrong place. */
function quoted(name: string): string {
  const isName = /^[\w@+.%:/ -]{1,64}$/.test(name) && misplacedIn(name) === undefined;
  return isName ? `"${name}"` : `of that name, a string of ${name.length} characters,`;
}

/** The AWS SDKs' configuration file. */
export function profileFile(environment: NodeJS.ProcessEnv): string {
  try {
    return environment.AWS_CONFIG_FILE || join(homedir(), '.aws', 'config');
  } catch {
    // There is neither HOME nor an entry in the password file.
    return '';
  }
}

/**
 * The text of a file; empty if there is none, or it cannot be read. A device such as /dev/null has no profiles, and another may
 * never end.
 */
function readText(path: string): string {
  try {
    return statSync(path).isFile() ? readFileSync(path, 'utf8') : '';
  } catch {
    return '';
  }
}

const mentionsIot = (text: string) => /^\s*iot_/m.test(text);

const KEYS = SETTINGS.map(({ key }) => key).filter((key) => key !== '');

function checkKey(key: string, profile: string, file: string): void {
  if (!/^iot_[a-z0-9_]*$/.test(key) || KEYS.includes(key)) return;
  const near = nearest(key, KEYS);
  throw new CredentialHelperError(`unknown key ${key} of profile "${profile}" in ${file}`, {
    code: 'ERR_INVALID_OPTION',
    hint: near === undefined ? `known are ${KEYS.join(', ')}` : `did you mean ${near}?`,
  });
}
