/**
 * An emulator of AWS IoT's credential provider and of the AWS APIs around it, for tests. Never for production.
 *
 * @packageDocumentation
 */
export type { Account, Seed } from './account.ts';
export { type Emulator, startEmulator } from './emulator.ts';
export { EmulatorError } from './errors.ts';
export type { Fault, WrongCertificate } from './faults.ts';
export type { KeysAndCertificate } from './operations/certificates.ts';
export type { EmulatorOptions } from './options.ts';
export type { KeyType } from './pki.ts';
export type { Counters, RequestRecord } from './request-record.ts';
export type { CertificateStatus } from './state.ts';
