import type { AwsCredentialIdentity } from '@smithy/types';
import type { ClientConfig } from '../options/options.ts';

/** Temporary credentials. */
export interface IotCoreCredentials extends AwsCredentialIdentity {
  /** The session token, which is part of each request that is signed with the credentials. */
  readonly sessionToken: string;
  /** When they expire. */
  readonly expiration: Date;
}

/** Options of a call of a provider. */
export interface CredentialRequest {
  /** Whether to fetch new credentials, or join a pending fetch. Default false. */
  readonly forceRefresh?: boolean | undefined;
  /** Aborts this call, with the reason of the signal; others are not affected. */
  readonly abortSignal?: AbortSignal | undefined;
  /**
   * The configuration of the calling client of the AWS SDK. If the session has no logger, the one of the client that
   * called last is used.
   */
  readonly callerClientConfig?: ClientConfig | undefined;
}

/** Returns valid credentials. The `credentials` option of a client of the AWS SDK. */
export type IotCoreCredentialProvider = (
  request?: CredentialRequest,
) => Promise<IotCoreCredentials>;
