// The records of an account, as plain JSON. Timestamps are epoch milliseconds. What links two of them is in a relation.
import type { Relation } from './relation.ts';

/** A tag of a resource; the members have AWS's names. */
export interface Tag {
  /** 1 to 128 characters. */
  readonly Key: string;
  /** At most 256 characters. */
  readonly Value: string;
}

/** A thing of AWS IoT. */
export interface Thing {
  /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
  readonly thingName: string;
  /** A UUID. */
  readonly thingId: string;
  /** Counts the changes of the thing by `updateThing`, from 1. */
  readonly version: number;
  /** The name of its type; missing if it has none. */
  readonly thingTypeName?: string;
  /** Values by name; none is empty. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A thing group. Its policies apply to its things, and to those of its child groups. */
export interface ThingGroup {
  /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
  readonly thingGroupName: string;
  /** A UUID. */
  readonly thingGroupId: string;
  /** The name of its parent group; missing if it has none. */
  readonly parentGroupName?: string;
  /** Missing if not set. */
  readonly description?: string;
  /** Counts the changes of the group by `updateThingGroup`, from 1; missing in folders of older versions. */
  readonly version?: number;
  /** Values by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
}

/** A thing type. */
export interface ThingType {
  /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
  readonly thingTypeName: string;
  /** A UUID. */
  readonly thingTypeId: string;
  /** Missing if not set. */
  readonly description?: string;
  /** Names of attributes, at most 3; missing if there are none. */
  readonly searchableAttributes?: readonly string[];
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
}

/** The status of a certificate. Only an `ACTIVE` one gets credentials. */
export type CertificateStatus =
  | 'ACTIVE'
  | 'INACTIVE'
  | 'REVOKED'
  | 'PENDING_TRANSFER'
  | 'PENDING_ACTIVATION';

/** A registered certificate of a device. */
export interface Certificate {
  /** The SHA-256 of the certificate's DER encoding, as 64 hexadecimal digits. */
  readonly certificateId: string;
  /** The certificate as PEM. */
  readonly certificatePem: string;
  /** Its status. */
  readonly status: CertificateStatus;
  /** The id of the registered authority that issued it; missing if it was registered without a CA. */
  readonly caCertificateId?: string;
  /** When it was registered, in epoch milliseconds. */
  readonly creationMs: number;
  /** Counts up with each new certificate; missing in folders of older versions. */
  readonly sequence?: number;
  /** When its status last changed, in epoch milliseconds. */
  readonly lastModifiedMs: number;
}

/** A registered certificate authority. */
export interface CaCertificate {
  /** The SHA-256 of the certificate's DER encoding, as 64 hexadecimal digits. */
  readonly certificateId: string;
  /** The certificate as PEM. */
  readonly certificatePem: string;
  /** Only certificates of an `ACTIVE` authority can be registered. */
  readonly status: 'ACTIVE' | 'INACTIVE';
  /** `SNI_ONLY`: it was registered without a verification certificate. */
  readonly certificateMode: 'DEFAULT' | 'SNI_ONLY';
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
}

/** An AWS IoT policy. */
export interface Policy {
  /** 1 to 128 characters: letters, digits and `_+=,.@-`. */
  readonly policyName: string;
  /** The id of the default version. */
  readonly defaultVersionId: string;
  /** All versions, oldest first; one to five. */
  readonly versions: readonly PolicyVersion[];
  /** The number of the newest version that it ever had; missing in folders of older versions. */
  readonly lastVersion?: number;
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
  /** Counts up with each new policy; missing in folders of older versions. */
  readonly sequence?: number;
  /** When its versions last changed, in epoch milliseconds. */
  readonly lastModifiedMs: number;
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
}

/** A version of an AWS IoT policy. */
export interface PolicyVersion {
  /** A number that counts from `1`. */
  readonly versionId: string;
  /** The policy document, as JSON text. */
  readonly policyDocument: string;
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
}

/** A role alias of AWS IoT. */
export interface RoleAlias {
  /** 1 to 128 characters: letters, digits and `_=,@-`. */
  readonly roleAlias: string;
  /** The ARN of the role that the credential provider assumes. */
  readonly roleArn: string;
  /** How long credentials are valid, in seconds: 900 to 43200. */
  readonly credentialDurationSeconds: number;
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
  /** When it last changed, in epoch milliseconds. */
  readonly lastModifiedMs: number;
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
}

/** A role of IAM. */
export interface Role {
  /** 1 to 64 characters: letters, digits and `_+=,.@-`. */
  readonly roleName: string;
  /** `AROA` and 17 characters. */
  readonly roleId: string;
  /** Begins and ends with `/`. */
  readonly path: string;
  /** Missing if not set. */
  readonly description?: string;
  /** The trust policy, as JSON text. */
  readonly assumeRolePolicyDocument: string;
  /** Maximum session duration, in seconds: 3600 to 43200. */
  readonly maxSessionDuration: number;
  /** Inline policies: JSON text by name. */
  readonly policies: Readonly<Record<string, string>>;
  /** ARNs of the managed policies that are attached to it. */
  readonly attachedPolicyArns: readonly string[];
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
}

/** The last use of a role. */
export interface RoleUse {
  /** When credentials of the role were issued, in epoch milliseconds. */
  readonly lastUsedMs: number;
}

/** A policy of IAM that can be attached to several roles. */
export interface ManagedPolicy {
  /** Its ARN. */
  readonly policyArn: string;
  /** 1 to 128 characters: letters, digits and `_+=,.@-`. */
  readonly policyName: string;
  /** `ANPA` and 17 characters. */
  readonly policyId: string;
  /** The policy document, as JSON text. */
  readonly policyDocument: string;
  /** Begins and ends with `/`. */
  readonly path: string;
  /** Missing if not set. */
  readonly description?: string;
  /** When it was created, in epoch milliseconds. */
  readonly creationMs: number;
  /** Missing if it has none. */
  readonly tags?: readonly Tag[];
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
  /** By the role's id. */
  readonly roleUses: Readonly<Record<string, RoleUse>>;
  /** By ARN. */
  readonly managedPolicies: Readonly<Record<string, ManagedPolicy>>;
  /** By name. */
  readonly thingTypes: Readonly<Record<string, ThingType>>;
  /** By name. */
  readonly thingGroups: Readonly<Record<string, ThingGroup>>;
  /** By id. */
  readonly caCertificates: Readonly<Record<string, CaCertificate>>;
}

/** The relations between the records of an account. */
export interface Relations {
  /** Things and the certificates that are attached to them. */
  readonly thingCertificates: Relation;
  /** Things and the groups that they are in. */
  readonly thingMemberships: Relation;
  /** Certificates and the AWS IoT policies that are attached to them. */
  readonly certificatePolicies: Relation;
  /** Thing groups and the AWS IoT policies that are attached to them. */
  readonly thingGroupPolicies: Relation;
}
