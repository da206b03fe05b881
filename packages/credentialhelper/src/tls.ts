/**
 * The device's certificate and key for any TLS client of Node.js: `tls.connect`, `https.Agent`, undici, MQTT.js.
 *
 * @packageDocumentation
 */
export type { PinSource } from './identity/pin.ts';
export type { SecretPlace, SecretSource } from './identity/secret-source.ts';
export type { ClientConfig, CommonInit, FileKeyInit, TokenKeyInit } from './options/options.ts';
export type { Pkcs11Options } from './options/token-options.ts';
export type { ChildOptions } from './process/program.ts';
export { openTlsIdentity, type TlsIdentity, type TlsIdentityOptions } from './tls/identity.ts';
