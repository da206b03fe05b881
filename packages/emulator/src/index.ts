/**
 * An emulator of AWS IoT's credential provider and of the AWS APIs around it, for tests. Never for production.
 *
 * @packageDocumentation
 */
export type { Iam, Iot } from './account/account.ts';
export type { AuthorityOperations } from './account/authorities.ts';
export type {
  CertificateOperations,
  KeysAndCertificate,
  RegisteredCertificate,
} from './account/certificates.ts';
export type { IamTagOperations } from './account/iam-tags.ts';
export type { IotTagOperations } from './account/iot-tags.ts';
export type { ManagedPolicyOperations } from './account/managed-policies.ts';
export type { PolicyOperations } from './account/policies.ts';
export type { RoleAliasOperations } from './account/role-aliases.ts';
export type { RoleOperations } from './account/roles.ts';
export type { Seed, SeedInput } from './account/seed.ts';
export type { TagInput } from './account/tags.ts';
export type { ThingGroupOperations } from './account/thing-groups.ts';
export type { ThingMembershipOperations } from './account/thing-memberships.ts';
export type { ThingPrincipalOperations } from './account/thing-principals.ts';
export type { ThingTypeOperations } from './account/thing-types.ts';
export type { ThingOperations } from './account/things.ts';
export type { ExplainedStep, ExplainInput, Explanation } from './credentials/explain.ts';
export type { StepName, StepPolicy } from './credentials/steps.ts';
export type { User } from './credentials/user.ts';
export { type CredentialSettings, type Emulator, startEmulator } from './emulator.ts';
export { EmulatorError } from './errors.ts';
export type { Fault, TlsAlert, WrongCertificate } from './faults/fault.ts';
export type { AddedFault, Faults, ListedFault } from './faults/faults.ts';
export type { Counters, IssuedCredentials, RequestRecord } from './http/request-record.ts';
export type { EmulatorOptions } from './options.ts';
export type { KeyType } from './pki/keys.ts';
export type { Requests } from './server/request-history.ts';
export type {
  Certificate,
  CertificateStatus,
  ManagedPolicy,
  Policy,
  PolicyVersion,
  Role,
  RoleAlias,
  Tag,
  Thing,
  ThingGroup,
  ThingType,
} from './state/records.ts';
