/**
 * An emulator of AWS IoT's credential provider and of the AWS APIs around it, for tests. Never for production.
 *
 * @packageDocumentation
 */
export type { Account, Seed } from './account/account.ts';
export type { KeysAndCertificate } from './account/certificates.ts';
export { type Emulator, startEmulator } from './emulator.ts';
export { EmulatorError } from './errors.ts';
export type { Fault, WrongCertificate } from './faults/faults.ts';
export type { Counters, RequestRecord } from './http/request-record.ts';
export type { EmulatorOptions } from './options.ts';
export type { KeyType } from './pki/pki.ts';
export type { CertificateStatus } from './state/state.ts';
