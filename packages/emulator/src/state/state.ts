import { randomBytes, randomUUID } from 'node:crypto';
import { roleArn } from '../names/arns.ts';
import { createPki, type Pki } from '../pki/pki.ts';

/** A thing of AWS IoT. */
export interface Thing {
  readonly thingName: string;
  readonly thingId: string;
  /** Ids of the certificates that are attached to it. */
  readonly certificateIds: readonly string[];
  readonly thingTypeName?: string | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** Names of the groups that it is in. */
  readonly thingGroupNames?: readonly string[] | undefined;
  /** Counts its changes. Default: 1. */
  readonly version?: number | undefined;
}

/** A group of things; what its policies allow or deny goes for its things and for those of the groups below it. */
export interface ThingGroup {
  readonly thingGroupName: string;
  readonly thingGroupId: string;
  readonly parentGroupName?: string | undefined;
  readonly description?: string | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** Names of the policies that are attached to it. */
  readonly policyNames: readonly string[];
  readonly creationMs: number;
}

/** A type of things. */
export interface ThingType {
  readonly thingTypeName: string;
  readonly thingTypeId: string;
  readonly description?: string | undefined;
  readonly creationMs: number;
}

/** A registered certificate. */
export interface Certificate {
  readonly certificateId: string;
  readonly certificatePem: string;
  readonly status: CertificateStatus;
  /** Names of the policies that are attached to it. */
  readonly policyNames: readonly string[];
  /** Names of the things that it is attached to: the way back from {@link Thing.certificateIds}. */
  readonly thingNames?: readonly string[] | undefined;
  readonly creationMs?: number | undefined;
  readonly lastModifiedMs?: number | undefined;
  /** The registered authority that issued it. */
  readonly caCertificateId?: string | undefined;
}

/** A registered certificate authority. */
export interface CaCertificate {
  readonly certificateId: string;
  readonly certificatePem: string;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly certificateMode: 'DEFAULT' | 'SNI_ONLY';
}

/** The status of a certificate that decides whether it may be used: only `ACTIVE` may. */
export type CertificateStatus =
  | 'ACTIVE'
  | 'INACTIVE'
  | 'REVOKED'
  | 'PENDING_TRANSFER'
  | 'PENDING_ACTIVATION';

/** A policy of AWS IoT. */
export interface Policy {
  readonly policyName: string;
  /** The document of the default version. */
  readonly policyDocument: string;
  /** Default: `1`. */
  readonly defaultVersionId?: string | undefined;
  /** All versions, oldest first; a policy that never had a second one may lack them. */
  readonly versions?: readonly PolicyVersion[] | undefined;
  readonly creationMs?: number | undefined;
  readonly lastModifiedMs?: number | undefined;
}

/** A version of a policy. */
export interface PolicyVersion {
  readonly versionId: string;
  readonly policyDocument: string;
  readonly creationMs: number;
}

/** A role alias of AWS IoT. */
export interface RoleAlias {
  readonly roleAlias: string;
  readonly roleArn: string;
  /** 900 to 43200. */
  readonly credentialDurationSeconds: number;
  readonly creationMs?: number | undefined;
  readonly lastModifiedMs?: number | undefined;
}

/** A role of IAM. */
export interface Role {
  readonly roleName: string;
  readonly roleId: string;
  readonly assumeRolePolicyDocument: string;
  /** In seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
  /** Default: `/`. */
  readonly path?: string | undefined;
  readonly description?: string | undefined;
  /** Inline policies: documents by name. They are kept, not evaluated. */
  readonly policies?: Readonly<Record<string, string>> | undefined;
  /** ARNs of the managed policies that are attached to it. */
  readonly attachedPolicyArns?: readonly string[] | undefined;
  readonly creationMs?: number | undefined;
}

/** A policy of IAM that can be attached to several roles. It is kept, not evaluated. */
export interface ManagedPolicy {
  readonly policyArn: string;
  readonly policyName: string;
  readonly policyId: string;
  readonly policyDocument: string;
  readonly path: string;
  readonly description?: string | undefined;
  readonly creationMs: number;
}

/** The tables of an account: records by their key. A record is never changed, only replaced. */
export interface Tables {
  /** By name. */
  readonly things: Readonly<Record<string, Thing>>;
  /** By id. */
  readonly certificates: Readonly<Record<string, Certificate>>;
  /** By name. */
  readonly policies: Readonly<Record<string, Policy>>;
  /** By name. */
  readonly roleAliases: Readonly<Record<string, RoleAlias>>;
  /** By name. */
  readonly roles: Readonly<Record<string, Role>>;
  /** By ARN. */
  readonly managedPolicies: Readonly<Record<string, ManagedPolicy>>;
  /** By name. */
  readonly thingTypes: Readonly<Record<string, ThingType>>;
  /** By name. */
  readonly thingGroups: Readonly<Record<string, ThingGroup>>;
  /** By id. */
  readonly caCertificates: Readonly<Record<string, CaCertificate>>;
}

/** All that the emulator remembers; it is plain JSON. */
export interface State extends Tables {
  readonly version: 1;
  readonly accountId: string;
  readonly region: string;
  readonly pki: Pki;
  /** The administrator's access key. */
  readonly administrator: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What temporary credentials are derived from and sealed with: 32 bytes, as hexadecimal digits. */
  readonly sealingKey: string;
}

const ACCESS_KEY_BYTES = 8;

/** A new account: keys, certificate authorities, and nothing else. */
export async function createState(
  accountId: string,
  region: string,
  nowMs: number,
): Promise<State> {
  return {
    version: 1,
    accountId,
    region,
    pki: await createPki(region, nowMs),
    administrator: {
      accessKeyId: makeAccessKeyId('AKIA'),
      secretAccessKey: randomBytes(30).toString('base64url'),
    },
    sealingKey: randomBytes(32).toString('hex'),
    ...emptyTables(),
  };
}

/** The tables of an account that has nothing. */
export function emptyTables(): Tables {
  return {
    things: {},
    certificates: {},
    policies: {},
    roleAliases: {},
    roles: {},
    managedPolicies: {},
    thingTypes: {},
    thingGroups: {},
    caCertificates: {},
  };
}

/** An access key id: long-term ones begin with `AKIA`, temporary ones with `ASIA`. */
export function makeAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + randomBytes(ACCESS_KEY_BYTES).toString('hex').toUpperCase();
}

/** A unique id as AWS IoT gives them. */
export function makeId(): string {
  return randomUUID();
}

/** A unique id as IAM gives them: those of roles begin with `AROA`, those of managed policies with `ANPA`. */
export function makeIamId(prefix: 'AROA' | 'ANPA'): string {
  return prefix + randomUUID().replaceAll('-', '').slice(0, 17).toUpperCase();
}

/** Looks up a name that came from outside, which may be one that every object has, such as `constructor`. */
export function lookUp<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A group and the groups above it, from the root down. */
export function withParentGroups(state: State, thingGroupName: string): readonly ThingGroup[] {
  const group = lookUp(state.thingGroups, thingGroupName);
  if (group === undefined) return [];
  const { parentGroupName } = group;
  return parentGroupName === undefined
    ? [group]
    : [...withParentGroups(state, parentGroupName), group];
}

/** The role that an ARN names, if there is one. */
export function findRoleByArn(state: State, arn: string): Role | undefined {
  const role = lookUp(state.roles, arn.slice(arn.lastIndexOf('/') + 1));
  return role && arn === roleArn(state, role.roleName, role.path) ? role : undefined;
}
