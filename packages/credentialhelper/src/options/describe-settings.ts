import { isKeyObject, isUint8Array } from 'node:util/types';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { sourceName } from '../identity/read-source.ts';
import {
  DEFAULT_PATIENCE,
  DEFAULT_TIMEOUT_MS,
  type FileKeySettings,
  type Settings,
  type TokenKeySettings,
} from './options.ts';
import type { HttpProxy } from './proxy.ts';

/** The settings of a session and where they come from, for the log: names and paths, but nothing that is secret. */
export function describeSettings(settings: Settings): string {
  const { endpoint, region, roleAlias, thingName, key, ca } = settings;
  return [
    `endpoint ${endpoint.authority}`,
    ...(region === undefined ? [] : [`region ${region.name} (${region.origin})`]),
    `role alias "${roleAlias}"`,
    thingName === undefined ? 'no thing name' : `thing "${thingName}"`,
    ...(key.kind === 'file' ? describeFiles(key) : describeToken(key)),
    `CA: ${ca === undefined ? 'default' : sourceName(ca, 'ca')}`,
    `proxy: ${settings.proxy === undefined ? 'none' : describeProxy(settings.proxy)}`,
    setting('timeoutMs', settings.timeoutMs, DEFAULT_TIMEOUT_MS),
    setting('maxWaitMs', settings.maxWaitMs, DEFAULT_PATIENCE * settings.timeoutMs),
    setting('keepFresh', settings.keepFresh, false),
    setting('verifyPeer', settings.verifyPeer, true),
  ].join('; ');
}

function describeProxy({ name, origin, authorization }: HttpProxy): string {
  return `${name}${authorization === undefined ? '' : ', with a password'} (${origin === 'proxy' ? 'option' : origin})`;
}

function setting<T extends number | boolean>(name: string, value: T, fallback: T): string {
  return `${name} ${value}${value === fallback ? ' (default)' : ''}`;
}

function describeFiles({ certificate, source, passphrase }: FileKeySettings): readonly string[] {
  return [
    `certificate: ${sourceName(certificate, 'certificate')}`,
    `private key: ${isKeyObject(source) ? 'a KeyObject' : sourceName(source, 'privateKey')}`,
    `passphrase: ${passphrase.origin}`,
  ];
}

function describeToken({ certificate, token }: TokenKeySettings): readonly string[] {
  const { library, libraryParameters, match, access, pin, isolate } = token;
  const libraryInUri = access.modulePath ?? access.moduleName;
  const pinInUri = access.pinValue ?? access.pinSource;
  return [
    `certificate: ${'match' in certificate ? describeMatch(certificate.match) : sourceName(certificate.source, 'certificate')}`,
    `PKCS#11 library: ${library}${libraryInUri === undefined ? '' : ' (named in the URI)'}${libraryParameters === undefined ? '' : ', with parameters'}`,
    `private key: ${describeMatch(match)}`,
    `PIN: ${pin.origin}${pinInUri === undefined ? '' : ' (named in the URI)'}`,
    `used in ${isolate === false ? 'this process' : 'a child process'}`,
  ];
}

/** The length of the longest name of a token, and of usual ids; something longer may be a misplaced secret. */
const MAX_NAME_CHARACTERS = 32;
const MAX_ID_BYTES = 20;

function describeMatch(match: Pkcs11Uri): string {
  const all = Object.entries(match);
  const shown = all.filter(([, value]) =>
    isUint8Array(value)
      ? value.length <= MAX_ID_BYTES
      : `${value ?? ''}`.length <= MAX_NAME_CHARACTERS,
  );
  const rest = all.length === shown.length ? '' : ', and a longer one';
  return `${formatPkcs11Uri(Object.fromEntries(shown))}${rest}`;
}
