/** A request that the emulator responded to. Contains no secrets. */
export interface RequestRecord {
  /** Counts the requests since the start, from 1. */
  readonly sequence: number;
  /** When it was responded to, by the emulator's clock, in epoch milliseconds. */
  readonly timeMs: number;
  /**
   * From the receipt of the request to the start of its response, in milliseconds, including the delay of a fault.
   * Missing if a fault prevents the response.
   */
  readonly durationMs?: number | undefined;
  /** `credentials`: the credential provider; `api`: the AWS APIs, and control requests. */
  readonly endpoint: 'credentials' | 'api';
  /** Such as `GET`. */
  readonly method: string;
  /** The path of the request line, without the query. */
  readonly path: string;
  /** The HTTP status of the response. */
  readonly status: number;
  /**
   * The reason to deny credentials, or, at the AWS APIs, an operation, by the policies of a role: in more detail than in
   * AWS's response.
   */
  readonly reason?: string | undefined;
  /** At the AWS APIs: the operation, such as `sts:GetCallerIdentity`; missing if it does not exist. */
  readonly operation?: string | undefined;
  /** At the AWS APIs: the ARN of the caller; missing if the signature is invalid. */
  readonly callerArn?: string | undefined;
  /** At the credential provider: the header `x-amzn-iot-thingname`. */
  readonly thingName?: string | undefined;
  /** At the credential provider: the id of the certificate that the client used, registered or not. */
  readonly certificateId?: string | undefined;
  /** At the credential provider: such as `TLSv1.3`. */
  readonly tlsVersion?: string | undefined;
  /** At the credential provider: the server name in the TLS handshake (SNI). */
  readonly serverName?: string | undefined;
  /**
   * The stack of an unexpected exception, a defect of the emulator; the status is 500. For one of a connection without
   * a request, method and path are empty.
   */
  readonly error?: string | undefined;
  /** True if a fault was applied. */
  readonly fault?: boolean | undefined;
  /** What the fault does, such as `delayMs 500, action reset`; of its response only the status. */
  readonly faultEffect?: string | undefined;
  /** At the credential provider: the credentials that were issued, without secrets. */
  readonly issued?: IssuedCredentials | undefined;
}

/** Credentials that the credential provider issued: what is not secret. */
export interface IssuedCredentials {
  /** `ASIA` and 16 characters. */
  readonly accessKeyId: string;
  /** The name of the role. */
  readonly roleName: string;
  /** When they expire, in epoch milliseconds. */
  readonly expirationMs: number;
}

/** The record of a request that is not numbered yet. */
export type NewRequestRecord = Omit<RequestRecord, 'sequence'>;

/** The number of requests, by endpoint and HTTP status: `counters.credentials[200]`. */
export type Counters = Readonly<
  Record<RequestRecord['endpoint'], Readonly<Record<number, number>>>
>;
