import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathOf } from '../identity/named-path.ts';
import { isPkcs11Uri } from '../identity/pkcs11-uri.ts';
import { isObject } from '../json.ts';
import { isWithoutProxy } from '../options/no-proxy.ts';
import { parseFile } from './config-file.ts';
import { type Found, type Layer, SECRET, shownValue } from './layer.ts';

/**
 * The settings of AWS IoT Greengrass v2 (AWS IoT Greengrass Developer Guide, "Configure the AWS IoT Greengrass Core
 * software").
 *
 * @param path - its configuration file, or its root folder
 */
export async function readGreengrass(path: string): Promise<Layer> {
  const [given, ...inside] = greengrassFiles(path);
  const isFolder = statSync(given, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? (inside.find(existsSync) ?? inside[0]) : given;
  const { system, services } = await parseFile(file);
  const nucleus = member(services, 'aws.greengrass.Nucleus', 'configuration');
  const provider = member(services, 'aws.greengrass.crypto.Pkcs11Provider', 'configuration');
  const key = member(system, 'privateKeyPath');
  const inToken = typeof key === 'string' && isPkcs11Uri(key);
  return layerOf(file, {
    endpoint: [member(nucleus, 'iotCredEndpoint'), 'iotCredEndpoint'],
    roleAlias: [member(nucleus, 'iotRoleAlias'), 'iotRoleAlias'],
    region: [member(nucleus, 'awsRegion'), 'awsRegion'],
    thingName: [member(system, 'thingName'), 'thingName'],
    certificate: [member(system, 'certificateFilePath'), 'certificateFilePath'],
    ca: [member(system, 'rootCaPath'), 'rootCaPath'],
    proxy: greengrassProxy(nucleus),
    privateKey: [inToken ? undefined : key, 'privateKeyPath'],
    'pkcs11.uri': [inToken ? key : undefined, 'privateKeyPath'],
    'pkcs11.library': [inToken ? member(provider, 'library') : undefined, 'library'],
    'pkcs11.slotId': [inToken ? numberOf(member(provider, 'slot')) : undefined, 'slot'],
    'pkcs11.userPin': [inToken ? textOf(member(provider, 'userPin')) : undefined, 'userPin'],
  });
}

/** Its proxy, unless that is not for its endpoint. */
function greengrassProxy(nucleus: unknown): readonly [value: unknown, name: string] {
  const url = member(nucleus, 'networkProxy', 'proxy', 'url');
  const exceptions = member(nucleus, 'networkProxy', 'noProxyAddresses');
  const host = member(nucleus, 'iotCredEndpoint');
  const isExcluded =
    typeof exceptions === 'string' &&
    typeof host === 'string' &&
    isWithoutProxy(exceptions, { host: host.toLowerCase(), port: 443 });
  if (isExcluded) return [false, 'noProxyAddresses'];
  return [
    withCredentials(
      url,
      member(nucleus, 'networkProxy', 'proxy', 'username'),
      member(nucleus, 'networkProxy', 'proxy', 'password'),
    ),
    'networkProxy',
  ];
}

/** The URL of a proxy with a user name and a password that are configured beside it. */
function withCredentials(url: unknown, username: unknown, password: unknown): unknown {
  const user = textOf(username);
  if (typeof url !== 'string' || typeof user !== 'string' || user === '') return url;
  const [, scheme = 'http://', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(url) ?? [];
  const credentials = [user, String(textOf(password) ?? '')].map(encodeURIComponent).join(':');
  // Its own user name, if any, counts.
  return rest.includes('@') ? url : `${scheme}${credentials}@${rest}`;
}

/** The path of its configuration, and where the files of a root folder are: the first that exists counts. */
export function greengrassFiles(path: string): readonly [string, string, string, string] {
  const given = pathOf(path, 'greengrass');
  const inside = (name: string) => join(given, name);
  return [
    given,
    inside('config/effectiveConfig.yaml'),
    inside('config/config.yaml'),
    inside('config.yaml'),
  ];
}

/** The settings of AWS IoT Device Client (its README, "Configuration"); it names neither role alias nor this endpoint. */
export async function readDeviceClient(path: string): Promise<Layer> {
  const [file, proxyFile] = deviceClientFiles(path);
  const values = await parseFile(file);
  const element = values['secure-element'];
  const inToken = member(element, 'enabled') === true;
  const proxy = existsSync(proxyFile) ? deviceClientProxy(await parseFile(proxyFile)) : undefined;
  const ofElement = (name: string) => (inToken ? member(element, name) : undefined);
  return layerOf(file, {
    thingName: [values['thing-name'], 'thing-name'],
    certificate: [values.cert, 'cert'],
    ca: [values['root-ca'], 'root-ca'],
    proxy: [proxy, 'http-proxy.conf beside'],
    privateKey: [inToken ? undefined : values.key, 'key'],
    'pkcs11.library': [ofElement('pkcs11-lib'), 'pkcs11-lib'],
    'pkcs11.userPin': [textOf(ofElement('secure-element-pin')), 'secure-element-pin'],
    'pkcs11.privateKeyLabel': [ofElement('secure-element-key-label'), 'secure-element-key-label'],
    'pkcs11.slotId': [numberOf(ofElement('secure-element-slot-id')), 'secure-element-slot-id'],
    'pkcs11.tokenLabel': [ofElement('secure-element-token-label'), 'secure-element-token-label'],
  });
}

/** Its configuration file, and that of its proxy, which may be missing. */
export function deviceClientFiles(path: string): readonly [string, string] {
  const file = pathOf(String(expandHome(path)), 'deviceClient');
  return [file, join(dirname(file), 'http-proxy.conf')];
}

/** Its proxy, in a file of its own (docs/HTTP_PROXY.md of AWS IoT Device Client). */
function deviceClientProxy(values: Readonly<Record<string, unknown>>): unknown {
  const { 'http-proxy-host': host, 'http-proxy-port': port } = values;
  if (values['http-proxy-enabled'] !== true || typeof host !== 'string') return undefined;
  const isAuthenticated = values['http-proxy-auth-method'] === 'UserNameAndPassword';
  return withCredentials(
    `http://${host}:${port}`,
    isAuthenticated ? values['http-proxy-username'] : undefined,
    values['http-proxy-password'],
  );
}

function layerOf(
  file: string,
  values: Readonly<Record<string, readonly [value: unknown, name: string]>>,
): Layer {
  const layer = new Map<string, Found>();
  for (const [option, [value, name]] of Object.entries(values)) {
    if (value === undefined || value === null || value === '') continue;
    const shown = option === 'pkcs11.userPin' ? SECRET : shownValue(option, String(value));
    layer.set(option, { value: expandHome(value), origin: `${name} in ${file}`, shown });
  }
  return layer;
}

function member(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((inner, name) => (isObject(inner) ? inner[name] : undefined), value);
}

const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;

/** A PIN in YAML may be read as a number. */
const textOf = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value);

const expandHome = (value: unknown): unknown =>
  typeof value === 'string' && value.startsWith('~/') ? join(homedir(), value.slice(2)) : value;
