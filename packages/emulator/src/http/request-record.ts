/** One request that the emulator answered; it holds no secret. */
export interface RequestRecord {
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly endpoint: 'credentials' | 'api';
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** At the credential provider: why there are no credentials, more precisely than AWS tells a client. */
  readonly reason?: string | undefined;
  /** At the AWS APIs: what was asked for, such as `sts:GetCallerIdentity`. */
  readonly operation?: string | undefined;
  /** At the AWS APIs: the ARN of whoever signed the request. */
  readonly callerArn?: string | undefined;
  /** The header `x-amzn-iot-thingname`, at the credential provider. */
  readonly thingName?: string | undefined;
  /** Id of the certificate that the client showed, registered or not. */
  readonly certificateId?: string | undefined;
  /** Such as `TLSv1.3`. */
  readonly tlsVersion?: string | undefined;
  /** The name that the client asked for in the TLS handshake (SNI). */
  readonly serverName?: string | undefined;
  /** Whether a fault was made to happen. */
  readonly fault?: boolean | undefined;
}

/** How many requests there were, by endpoint and status. */
export type Counters = Readonly<
  Record<RequestRecord['endpoint'], Readonly<Record<number, number>>>
>;
