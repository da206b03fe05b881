import { CredentialHelperError } from '../errors.ts';
import { pathOf } from '../identity/named-path.ts';
import type { FromIotCoreInit } from '../options/options.ts';
import { readEnvironment } from './environment.ts';
import type { Found, Layer } from './layer.ts';
import { profileFile, readProfile } from './profile.ts';

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
  const places = await readPlaces(init, first, environment);
  if (places.things === undefined) return merge(places.layers);
  const names = [...places.things.keys()];
  throw new CredentialHelperError(
    `${init.config} has the settings of ${names.length} things, and this is for one`,
    {
      code: 'ERR_INVALID_OPTION',
      hint: `choose one with --thing-name or AWS_IOT_THING_NAME: ${listed(names)}`,
    },
  );
}

/**
 * Finds the settings of each thing in a file of many; else those of the only thing.
 *
 * @param first - settings before all others; a name of a thing here, or in a place before the file, chooses this thing
 * @returns the settings by the name of the thing; undefined for one that was not chosen from many
 * @throws {@link CredentialHelperError} (as a rejection) errors of {@link loadSettings}
 */
export async function findThings(
  init: SettingsInit,
  first: Layer,
): Promise<ReadonlyMap<string | undefined, Layer>> {
  // biome-ignore lint/style/noProcessEnv: environment variables are a source of settings
  const { layers, defaults, things } = await readPlaces(init, first, process.env);
  if (things === undefined) return new Map([[undefined, merge(layers)]]);
  return new Map([...things].map(([name, thing]) => [name, merge([...layers, thing, defaults])]));
}

/**
 * The files that {@link findSettings} reads, or would read if they existed.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export async function settingsFiles({
  greengrass,
  deviceClient,
  config,
}: SettingsInit): Promise<readonly string[]> {
  // biome-ignore lint/style/noProcessEnv: environment variables are a source of settings
  const files = [profileFile(process.env)];
  if (config !== undefined) files.push(pathOf(config, 'config'));
  if (greengrass === undefined && deviceClient === undefined) return files;
  const { deviceClientFiles, greengrassFiles } = await import('./neighbours.ts');
  if (greengrass !== undefined) files.push(...greengrassFiles(greengrass));
  if (deviceClient !== undefined) files.push(...deviceClientFiles(deviceClient));
  return files;
}

/** All places of settings, the first that counts first; things in a file from which none was chosen. */
interface Places {
  readonly layers: readonly Layer[];
  readonly defaults: Layer;
  readonly things: ReadonlyMap<string, Layer> | undefined;
}

async function readPlaces(
  init: SettingsInit,
  first: Layer,
  environment: NodeJS.ProcessEnv,
): Promise<Places> {
  const layers = [
    first,
    readEnvironment(environment),
    await readProfile(environment, init.profile),
  ];
  // Loaded here: few processes need them.
  if (init.greengrass !== undefined) {
    const { readGreengrass } = await import('./neighbours.ts');
    layers.push(await readGreengrass(init.greengrass));
  }
  if (init.deviceClient !== undefined) {
    const { readDeviceClient } = await import('./neighbours.ts');
    layers.push(await readDeviceClient(init.deviceClient));
  }
  if (init.config === undefined) return { layers, defaults: new Map(), things: undefined };
  const { readConfigFile } = await import('./config-file.ts');
  const { defaults, things } = await readConfigFile(pathOf(init.config, 'config'));
  if (things === undefined) layers.push(defaults);
  const chosen = layers.find((layer) => layer.has('thingName'))?.get('thingName')?.value;
  if (things === undefined || chosen === undefined) return { layers, defaults, things };
  const thing = things.get(String(chosen));
  if (thing === undefined) {
    throw new CredentialHelperError(`${init.config} has no thing of the name that was chosen`, {
      code: 'ERR_INVALID_OPTION',
      hint: `it has ${listed([...things.keys()])}`,
    });
  }
  return { layers: [...layers, thing, defaults], defaults, things: undefined };
}

/** Names for a message. */
function listed(names: readonly string[]): string {
  const MOST = 10;
  const rest = names.length > MOST ? `, and ${names.length - MOST} more` : '';
  return `${names.slice(0, MOST).join(', ')}${rest}`;
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
