/**
 * Which server certificate a connection gets instead of the valid one: `other-name` is for another host name,
 * `untrusted` is not issued by the emulator's CA, `expired` is no longer valid.
 */
export type WrongCertificate = 'other-name' | 'untrusted' | 'expired';

/** A fatal TLS alert, as named in RFC 8446, section 6. */
export type TlsAlert =
  | 'handshake_failure'
  | 'bad_certificate'
  | 'unknown_ca'
  | 'protocol_version'
  | 'internal_error';

/**
 * A fault of the credential provider or of an AWS API, and the requests that it applies to. Only the first matching
 * fault is applied to a request.
 *
 * `connection`, `tlsAlert` and `serverCertificate` are faults of a connection: `count` and `probability` are those of
 * connections, there is no record of a request, and `thingName` is invalid, as a handshake names no thing.
 */
export interface Fault {
  /**
   * Only for requests to this AWS API; then the only members for what happens are `delayMs`, `action`,
   * `bytesPerSecond`, `response` and `requestsPerSecond`, and `thingName` is invalid. Default: for requests to the
   * credential provider.
   */
  readonly service?: 'iot' | 'iam' | 'sts';
  /** Only for requests that name this thing. Default: any. */
  readonly thingName?: string;
  /** Maximum number of matching requests, 1 to 1e9. Default: no limit. */
  readonly count?: number;
  /** Probability that a matching request is affected: more than 0, up to 1. Default 1. */
  readonly probability?: number;
  /** Seed for `probability`, which makes it repeatable: a whole number, 0 to 2^32. Default 0. */
  readonly seed?: number;

  /** Delay of the response, in milliseconds: 0 to 3 600 000. Default 0. */
  readonly delayMs?: number;
  /**
   * `hang`: never responds; `reset`: ends the connection with a TCP reset before the response; `reset-in-body`: after
   * half of the body; `truncate`: closes the connection cleanly after half of the body. Default: none of these.
   */
  readonly action?: 'hang' | 'reset' | 'reset-in-body' | 'truncate';
  /**
   * Limits the rate of the body, in bytes per second: 1 to 1e9. The header is sent at once. Default: no limit.
   */
  readonly bytesPerSecond?: number;
  /** Sends this response instead of the real one. */
  readonly response?: {
    /** The HTTP status, 200 to 599. */
    readonly status: number;
    /** Default: empty. */
    readonly body?: string;
    /** Header fields by name. Default: the content type of JSON. */
    readonly headers?: Readonly<Record<string, string>>;
    /**
     * The name of an error, such as `ThrottlingException`, which is reported in the format of the service. `body` and
     * `headers` are then invalid.
     */
    readonly errorCode?: string;
    /** The message of the error. Default: its name. */
    readonly message?: string;
  };
  /**
   * Responds to requests above this rate with an error: 0.001 to 1e6; 0.5 is one request in two seconds. At the
   * credential provider the status is 429, without `Retry-After`; AWS IoT, IAM and STS report throttling with status
   * 400. Default: no limit. For a
   * response with `Retry-After` use `response`: `{ status: 429, headers: { 'retry-after': '60' } }`.
   */
  readonly requestsPerSecond?: number;
  /**
   * `refuse`: the port is closed until the fault is removed, and new connections are refused; `count` and
   * `probability` are invalid, as refused connections are not seen. `no-handshake`: connections are accepted, and the
   * TLS handshake is never answered. Default: none of these.
   */
  readonly connection?: 'refuse' | 'no-handshake';
  /** Answers the TLS handshake with this alert, in place of the server's first message. Default: none. */
  readonly tlsAlert?: TlsAlert;
  /** Uses another server certificate in the handshake. Default: the valid one. */
  readonly serverCertificate?: WrongCertificate;
  /** Shifts the server's clock, in milliseconds: -1e12 to 1e12. Default 0. */
  readonly clockOffsetMs?: number;
  /**
   * Lifetime of credentials, in milliseconds: -1e12 to 1e12; a negative number issues expired credentials. Default:
   * that of the role alias.
   */
  readonly lifetimeMs?: number;
}

/** The members that are about connections. */
export const CONNECTION_MEMBERS: readonly ('connection' | 'tlsAlert' | 'serverCertificate')[] = [
  'connection',
  'tlsAlert',
  'serverCertificate',
];

/** Returns whether a fault is one of connections; others are of requests. */
export function isOfConnection(fault: Fault): boolean {
  return CONNECTION_MEMBERS.some((name) => fault[name] !== undefined);
}

/** The members that decide which requests a fault applies to; the others say what happens to them. */
export const SELECTION: ReadonlySet<string> = new Set([
  'service',
  'thingName',
  'count',
  'probability',
  'seed',
]);
