/**
 * AWS credentials for a device with an X.509 certificate, from the AWS IoT Core credential provider.
 *
 * @packageDocumentation
 */

export type {
  CredentialRequest,
  IotCoreCredentialProvider,
  IotCoreCredentials,
} from './credentials/types.ts';
export { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.ts';
export {
  type AnyCredentialHelperError,
  CredentialHelperError,
  type ErrorDetails,
  isCredentialHelperError,
} from './errors.ts';
export { createFleet, type Fleet } from './fleet.ts';
export type { PinSource } from './identity/pin.ts';
export type { SecretPlace, SecretSource } from './identity/secret-source.ts';
export type { SessionStats } from './observe/stats.ts';
export type { FleetInit, ThingInit } from './options/fleet-options.ts';
export type {
  ClientConfig,
  CommonInit,
  FileKeyInit,
  FromIotCoreInit,
  TokenKeyInit,
} from './options/options.ts';
export type { Pkcs11Options } from './options/token-options.ts';
export type { ChildOptions } from './process/program.ts';
export { fromIotCore } from './provider.ts';
export type { Pace } from './refresh/retry.ts';
export { createSession, type Session } from './session.ts';
export { loadSettings, type SettingsInit } from './settings/load.ts';
