/** A request that the emulator responded to. It holds no secret. */
export interface RequestRecord {
  /** When it was responded to, by the emulator's clock, in epoch milliseconds. */
  readonly timeMs: number;
  /** `credentials`: the credential provider; `api`: the AWS APIs, and control requests. */
  readonly endpoint: 'credentials' | 'api';
  /** Such as `GET`. */
  readonly method: string;
  /** The path as it stood in the request line; at the AWS APIs without the query. */
  readonly path: string;
  /** The HTTP status of the response. */
  readonly status: number;
  /** At the credential provider: why there are no credentials, more precisely than AWS tells a client. */
  readonly reason?: string | undefined;
  /** At the AWS APIs: the operation, such as `sts:GetCallerIdentity`; missing where it does not exist. */
  readonly operation?: string | undefined;
  /** At the AWS APIs: the ARN of whoever signed the request; missing where the signature is not valid. */
  readonly callerArn?: string | undefined;
  /** At the credential provider: the header `x-amzn-iot-thingname`. */
  readonly thingName?: string | undefined;
  /** At the credential provider: the id of the certificate that the client used, registered or not. */
  readonly certificateId?: string | undefined;
  /** At the credential provider: such as `TLSv1.3`. */
  readonly tlsVersion?: string | undefined;
  /** At the credential provider: the host name that the client asked for in the TLS handshake (SNI). */
  readonly serverName?: string | undefined;
  /** True where a fault was applied. */
  readonly fault?: boolean | undefined;
}

/** How many requests there were, by endpoint and HTTP status: `counters.credentials[200]`. */
export type Counters = Readonly<
  Record<RequestRecord['endpoint'], Readonly<Record<number, number>>>
>;
