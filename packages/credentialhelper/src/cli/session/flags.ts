import { isPkcs11Uri } from '../../identity/pkcs11-uri.ts';
import type { FromIotCoreInit } from '../../options/options.ts';
import { hasProxySecrets } from '../../options/proxy.ts';
import { misspelledVariables } from '../../settings/environment.ts';
import { type Layer, layerOfTexts } from '../../settings/layer.ts';
import { findSettings, findThings, optionsOf, type SettingsInit } from '../../settings/load.ts';
import {
  DEFAULT_DEVICE_CLIENT,
  DEFAULT_GREENGRASS,
  SETTINGS,
  type Setting,
} from '../../settings/names.ts';
import { newFilePath } from '../file-path.ts';
import { UsageError } from '../usage-error.ts';

/** The flags of a session, by their names in commander; and those of every command. */
export type SessionFlags = Readonly<Record<string, string | boolean | undefined>> & {
  readonly json?: boolean;
};

/** The path of standard input; on a command line it is `-`. */
const STDIN = '/dev/stdin';

/** The name of a flag in {@link SessionFlags}: `timeoutMs` for `--timeout-ms`. */
export function nameOfFlag(flag: string): string {
  return flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The settings that are flags of a command line, each with its text. */
export function givenTexts(
  flags: SessionFlags,
): readonly { readonly setting: Setting; readonly text: string }[] {
  const given = SETTINGS.flatMap((setting) => {
    const value = setting.flag === '' ? undefined : flags[nameOfFlag(setting.flag)];
    return value === undefined ? [] : [{ setting, text: textOf(setting, String(value)) }];
  });
  const fromStdin = given.filter(({ text }) => text === STDIN).map(({ setting }) => setting);
  const secret = fromStdin.find(({ kind }) => kind === 'file');
  const other = fromStdin.find((setting) => setting !== secret);
  if (secret !== undefined && other !== undefined) {
    throw new UsageError(`${secret.flag} and ${other.flag} cannot both be standard input`, {
      hint: 'pass a file for one of them',
    });
  }
  return given;
}

/**
 * Checks that no option is standard input, for a command that uses it otherwise.
 *
 * @param reason - why it is not possible, as a clause
 * @throws {@link UsageError}
 */
export function refuseStdin(flags: SessionFlags, reason: string): void {
  const given = givenTexts(flags).find(({ text }) => text === STDIN);
  if (given === undefined) return;
  throw new UsageError(`${given.setting.flag} cannot be standard input: ${reason}`, {
    hint: 'pass the path of a file',
  });
}

/** The settings that are flags of a command line. */
export function givenSettings(flags: SessionFlags): Layer {
  const texts = new Map(givenTexts(flags).map(({ setting, text }) => [setting, text]));
  return layerOfTexts(
    (setting) => {
      const text = texts.get(setting);
      return text === undefined ? undefined : { text, name: setting.flag };
    },
    (flag) => `option ${flag}`,
  );
}

/** The settings of a session, each with its origin. */
export async function findSessionSettings(flags: SessionFlags): Promise<Layer> {
  return findSettings(placesOf(flags), givenSettings(flags));
}

/**
 * The options of the session of a command.
 *
 * @throws {@link UsageError} (as a rejection) if a setting is missing; and errors of the settings
 */
export async function sessionOptions(flags: SessionFlags): Promise<FromIotCoreInit> {
  const settings = await findSessionSettings(flags);
  checkRequired(settings);
  return optionsOf(settings);
}

/**
 * The options of each thing, by its name, for a command that can have many; else those of the only thing, by undefined.
 *
 * @throws errors of {@link sessionOptions}
 */
export async function optionsOfThings(
  flags: SessionFlags,
): Promise<ReadonlyMap<string | undefined, FromIotCoreInit>> {
  const things = await findThings(placesOf(flags), givenSettings(flags));
  return new Map(
    [...things].map(([name, settings]) => {
      ofThing(name, () => checkRequired(settings));
      return [name, optionsOf(settings)];
    }),
  );
}

/** Runs a function; the message of its error names the thing, if it is one of many. */
export function ofThing<T>(name: string | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (name !== undefined && error instanceof Error) {
      error.message = `thing "${name}": ${error.message}`;
    }
    throw error;
  }
}

/**
 * Checks that the settings that every session needs are there.
 *
 * @throws {@link UsageError}
 */
export function checkRequired(settings: Layer): void {
  const isMissing = (option: string) => !settings.has(option);
  const missing = ['endpoint', 'roleAlias', 'certificate'].find(isMissing);
  if (missing !== undefined) throw notSet(missing);
  if (['privateKey', 'pkcs11.library', 'pkcs11.uri'].every(isMissing)) {
    throw notSet('privateKey', 'for a key in a token, --module or --uri');
  }
}

/** The error for a setting that is missing: it names every place where it can be set. */
export function notSet(option: string, otherwise = ''): UsageError {
  const { meaning, flag, variable, key } = SETTINGS.find((one) => one.option === option) as Setting;
  const similar = misspelledVariables(process.env).find(({ near }) => near === variable);
  const misspelled =
    similar === undefined ? '' : `${similar.name} is set: did you mean ${variable}? `;
  return new UsageError(`not set: ${meaning}`, {
    hint: `${misspelled}pass ${flag}, or set ${variable} in the environment or ${key} in a profile of ~/.aws/config${otherwise && `; ${otherwise}`}; "config show" lists what is set`,
  });
}

/** The other places for settings that flags name. */
export function placesOf({
  profile,
  greengrass,
  deviceClient,
  config,
}: SessionFlags): SettingsInit {
  const pathOf = (value: string | boolean | undefined, flag: string, otherwise?: string) => {
    if (value === true) return otherwise;
    return typeof value === 'string' ? newFilePath(value, flag) : undefined;
  };
  return {
    profile: typeof profile === 'string' ? profile : undefined,
    greengrass: pathOf(greengrass, '--greengrass', DEFAULT_GREENGRASS),
    deviceClient: pathOf(deviceClient, '--device-client', DEFAULT_DEVICE_CLIENT),
    config: pathOf(config, '--config'),
  };
}

/** `-` is standard input; the content of a file, or a password, does not belong on the command line. */
function textOf({ value, flag, option, kind, variable }: Setting, text: string): string {
  if (kind === 'proxy' && hasProxySecrets(text)) {
    throw new UsageError(
      `${flag} has a user name or password, which other users of this system can see`,
      {
        hint: `pass the URL in the environment variable ${variable} or HTTPS_PROXY, or in a file (--config, ~/.aws/config)`,
      },
    );
  }
  if (value !== 'file') return text;
  if (text === '-') return STDIN;
  return option === 'certificate' && isPkcs11Uri(text) ? text : newFilePath(text, flag);
}
