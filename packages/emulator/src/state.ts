import { randomBytes, randomUUID } from 'node:crypto';
import { createPki, type Pki } from './pki.ts';

/** A thing of AWS IoT. */
export interface Thing {
  readonly thingName: string;
  readonly thingId: string;
  /** Ids of the certificates that are attached to it. */
  readonly certificateIds: readonly string[];
}

/** A registered certificate. */
export interface Certificate {
  readonly certificateId: string;
  readonly certificatePem: string;
  readonly status: CertificateStatus;
  /** Names of the policies that are attached to it. */
  readonly policyNames: readonly string[];
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
  readonly policyDocument: string;
}

/** A role alias of AWS IoT. */
export interface RoleAlias {
  readonly roleAlias: string;
  readonly roleArn: string;
  /** 900 to 43200. */
  readonly credentialDurationSeconds: number;
}

/** A role of IAM. */
export interface Role {
  readonly roleName: string;
  readonly roleId: string;
  readonly assumeRolePolicyDocument: string;
  /** In seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
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
    things: {},
    certificates: {},
    policies: {},
    roleAliases: {},
    roles: {},
  };
}

/** An access key id: long-term ones begin with `AKIA`, temporary ones with `ASIA`. */
export function makeAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + randomBytes(ACCESS_KEY_BYTES).toString('hex').toUpperCase();
}

/** A unique id as IAM and AWS IoT give them. */
export function makeId(): string {
  return randomUUID();
}

/** Looks up a name that came from outside, which may be one that every object has, such as `constructor`. */
export function lookUp<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
