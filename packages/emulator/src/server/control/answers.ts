// The responses to control requests, as JSON.
import type { RequestRecord } from '../../http/request-record.ts';
import type { CertificateStatus } from '../../state/records.ts';

/** `GET account`: the emulator. */
export interface AccountAnswer {
  readonly accountId: string;
  readonly region: string;
  /** The URL of the AWS APIs. */
  readonly apiEndpoint: string;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
  /** The path of the CA certificate of the credential provider; missing if there is no folder. */
  readonly caFile?: string | undefined;
  /** The emulator's time, in epoch milliseconds. */
  readonly nowMs: number;
}

/** `GET access-key`: the keys of the account's root user, for the AWS CLI and SDKs. */
export interface AccessKeyAnswer {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A thing in a list. */
export interface ThingSummary {
  readonly thingName: string;
  readonly thingTypeName?: string | undefined;
  /** The number of certificates that are attached to it. */
  readonly certificates: number;
}

/** `GET things`: a page of the things whose names match, in the order of their names. */
export interface ThingsAnswer {
  readonly things: readonly ThingSummary[];
  /** The number of things that match, on all pages. */
  readonly total: number;
  /** The parameter `after` of the next page; missing on the last one. */
  readonly next?: string | undefined;
}

/** An AWS IoT policy with the document of its default version. */
export interface PolicyAnswer {
  readonly policyName: string;
  /** JSON text. */
  readonly policyDocument: string;
}

/** A certificate of a thing. */
export interface CertificateAnswer {
  readonly certificateId: string;
  readonly status: CertificateStatus;
  /** Its subject, such as `CN=my-thing`. */
  readonly subject: string;
  /** When it expires, in epoch milliseconds. */
  readonly expirationMs: number;
  readonly policies: readonly PolicyAnswer[];
}

/** A group that applies to a thing. */
export interface GroupAnswer {
  readonly thingGroupName: string;
  /** Whether the thing is in the group itself; otherwise in one below it. */
  readonly isDirect: boolean;
  readonly policies: readonly PolicyAnswer[];
}

/** `GET things/NAME`: a thing with all that applies to it. */
export interface ThingAnswer {
  readonly thingName: string;
  readonly thingArn: string;
  readonly thingTypeName?: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly certificates: readonly CertificateAnswer[];
  readonly groups: readonly GroupAnswer[];
  readonly nowMs: number;
}

/** A role alias in `GET role-aliases`. */
export interface RoleAliasAnswer {
  readonly roleAlias: string;
  readonly roleArn: string;
  readonly credentialDurationSeconds: number;
}

/** A batch of `GET requests/stream`. */
export interface RequestBatch {
  /** Oldest first. */
  readonly requests: readonly RequestRecord[];
  /** The number of requests before these that were left out, as there were too many or the reader was too slow. */
  readonly dropped: number;
}

/** `GET credentials`: the requests that got credentials. */
export interface IssuedAnswer {
  /** The latest first. */
  readonly requests: readonly RequestRecord[];
  readonly nowMs: number;
}
