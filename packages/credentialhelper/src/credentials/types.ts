import type { AwsCredentialIdentity } from '@smithy/types';
import type { ClientConfig } from '../options/options.ts';

/** Temporary credentials, with the end that they always have. */
export interface IotCoreCredentials extends AwsCredentialIdentity {
  /** The session token, which goes with each request that is signed with the credentials. */
  readonly sessionToken: string;
  /** When they end, by the server's clock. */
  readonly expiration: Date;
}

/** What may be asked of a provider. */
export interface CredentialRequest {
  /** Whether the credentials must be fetched now, or be those that are on their way. Default false. */
  readonly forceRefresh?: boolean | undefined;
  /** Ends the wait of this caller, with the reason of the signal; others go on. */
  readonly abortSignal?: AbortSignal | undefined;
  /**
   * What clients of the AWS SDK pass: their configuration. Where the session has no logger, that of the client which asked last
   * gets a line for each fetch, and for each refresh that failed.
   */
  readonly callerClientConfig?: ClientConfig | undefined;
}

/** Gives credentials that are valid now. A client of the AWS SDK takes it as `credentials`. */
export type IotCoreCredentialProvider = (
  request?: CredentialRequest,
) => Promise<IotCoreCredentials>;
