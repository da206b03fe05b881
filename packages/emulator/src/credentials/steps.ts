/** A request to the credential provider. */
export interface CredentialRequest {
  readonly method: string;
  /** Path with query, as in the request line. */
  readonly path: string;
  /** The host name used by the client, in the TLS handshake and in `Host`, without a port. */
  readonly hostNames: readonly string[];
  /** The header `x-amzn-iot-thingname`. */
  readonly thingName: string | undefined;
  /** The id of the client's certificate, registered or not; undefined if it sent none. */
  readonly certificateId: string | undefined;
  /** The address of the client. */
  readonly sourceIp: string;
}

/** The name of a step of a decision. */
export type StepName =
  | 'endpoint'
  | 'certificate'
  | 'thing'
  | 'policy'
  | 'role alias'
  | 'role'
  | 'duration';

/** The policy that decided a step. */
export interface StepPolicy {
  /** The name of the AWS IoT policy. */
  readonly policyName: string;
  /** The ARN of the certificate or thing group that the policy is attached to. */
  readonly target: string;
  /** What the statement does. */
  readonly effect: 'Allow' | 'Deny';
  /** The statement that decided, as in the document. */
  readonly statement: Readonly<Record<string, unknown>>;
}

/** A step that holds. */
export interface Step {
  readonly name: StepName;
  /** What was looked at. */
  readonly seen: string;
  /** The policy that allows the request. */
  readonly policy?: StepPolicy;
}
