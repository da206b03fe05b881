import { resolve } from 'node:path';
import type { FromIotCoreInit } from '../options/options.ts';
import { readConfigFile } from './config-file.ts';
import { readEnvironment } from './environment.ts';
import type { Found, Layer } from './layer.ts';
import { readDeviceClient, readGreengrass } from './neighbours.ts';
import { readProfile } from './profile.ts';

/** Where {@link loadSettings} looks for settings. */
export interface SettingsInit {
  /** A profile in `~/.aws/config`. Default: `AWS_PROFILE`, else `default`. */
  readonly profile?: string | undefined;
  /** The configuration file, or the root folder, of AWS IoT Greengrass v2. Default: not read. */
  readonly greengrass?: string | undefined;
  /** The configuration file of AWS IoT Device Client. Default: not read. */
  readonly deviceClient?: string | undefined;
  /** A file of settings, YAML or JSON, with the options of `createSession`. Default: none. */
  readonly config?: string | undefined;
}

/**
 * Loads the options of a session from its surroundings. For each option the first of these that sets it counts: an
 * environment variable (`AWS_IOT_…`), the profile in `~/.aws/config` (`iot_…`), Greengrass, Device Client, the file of
 * settings. A private key in a file, and one in a token, exclude each other: the first of the two counts.
 *
 * @example
 * ```ts
 * const session = createSession(await loadSettings());
 * ```
 *
 * @returns options for `createSession` or `fromIotCore`, which checks them
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export async function loadSettings(init: SettingsInit = {}): Promise<FromIotCoreInit> {
  return optionsOf(await findSettings(init, new Map()));
}

/**
 * Finds each setting.
 *
 * @param first - settings before all others, such as those of a command line
 * @param environment - the environment variables. Default: those of this process
 * @throws {@link CredentialHelperError} (as a rejection) errors of {@link loadSettings}
 */
export async function findSettings(
  init: SettingsInit,
  first: Layer,
  // biome-ignore lint/style/noProcessEnv: environment variables are a source of settings
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Layer> {
  const layers = [
    first,
    readEnvironment(environment),
    await readProfile(environment, init.profile),
  ];
  if (init.greengrass !== undefined) layers.push(await readGreengrass(init.greengrass));
  if (init.deviceClient !== undefined) {
    layers.push(await readDeviceClient(init.deviceClient));
  }
  if (init.config !== undefined) layers.push(await readConfigFile(resolve(init.config)));
  return merge(layers);
}

/** Options that name a key in a token, and the one that names a key in a file. */
const OF_TOKEN = ['pkcs11.library', 'pkcs11.uri'];
const OF_FILE = 'privateKey';

function merge(layers: readonly Layer[]): Layer {
  const isExcluded = excludedBy(layers);
  const found = new Map<string, Found>();
  for (const layer of layers) {
    for (const [option, value] of layer) {
      if (!found.has(option) && !isExcluded(option, layer)) found.set(option, value);
    }
  }
  return found;
}

/** The first layer that names a key decides whether it is in a file or in a token. */
function excludedBy(layers: readonly Layer[]): (option: string, layer: Layer) => boolean {
  const inToken = (layer: Layer) => OF_TOKEN.some((option) => layer.has(option));
  const first = layers.find((layer) => layer.has(OF_FILE) || inToken(layer));
  // If a layer names both, the session tells.
  if (first === undefined || (first.has(OF_FILE) && inToken(first))) return () => false;
  const excluded = first.has(OF_FILE)
    ? (option: string) => option.startsWith('pkcs11.')
    : (option: string) => option === OF_FILE || option === 'passphrase';
  return (option, layer) => layer !== first && excluded(option);
}

/** The options of a session with these settings. */
export function optionsOf(settings: Layer): FromIotCoreInit {
  const options: Record<string, unknown> = {};
  const pkcs11: Record<string, unknown> = {};
  for (const [option, { value }] of settings) {
    if (option.startsWith('pkcs11.')) pkcs11[option.slice('pkcs11.'.length)] = value;
    else options[option] = value;
  }
  // The session checks them.
  return {
    ...options,
    ...(Object.keys(pkcs11).length === 0 ? {} : { pkcs11 }),
  } as unknown as FromIotCoreInit;
}
