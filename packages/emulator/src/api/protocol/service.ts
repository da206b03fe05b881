import type { ErrorFormat } from '../../http/replacement.ts';
import type { ApiRequest } from '../../http/request.ts';
import type { Response } from '../../http/response.ts';
import type { Permissions } from '../../permissions/authorize.ts';
import type { Checks } from './members.ts';

/** Errors of every service. Each protocol has its own names for them. */
export type CommonError =
  | 'MissingAuthenticationToken'
  | 'IncompleteSignature'
  | 'InvalidClientTokenId'
  | 'SignatureDoesNotMatch'
  | 'ExpiredToken'
  | 'AccessDenied'
  | 'InternalFailure';

/** The operation that a request to one of the AWS APIs calls. */
export interface Call<Context> {
  /** The operation, such as `CreateThing`. */
  readonly name: string;
  /**
   * Validates the input, and executes the operation.
   *
   * @param authorize - called between the two: returns the response if the caller is not permitted
   */
  readonly answer: (
    context: Context,
    authorize: (input: Readonly<Record<string, unknown>>) => Response | undefined,
  ) => Promise<Response> | Response;
}

/** The format of requests and responses of a service. */
export interface Protocol<Context> extends ErrorFormat {
  /** The members that each operation declares, by the operation's name. Others are refused. */
  readonly inputs: Readonly<Record<string, Checks>>;
  /** Returns the response that reports an error. */
  readonly refuse: (error: CommonError, message: string) => Response;
  /** Returns the operation that a request calls; undefined if it does not exist. */
  readonly find: (request: ApiRequest) => Call<Context> | undefined;
  /** Returns the response to a request for an operation that does not exist. */
  readonly refuseUnknown: (request: ApiRequest) => Response;
  /** Whether a request without a credential scope is for the service, as far as it shows. */
  readonly isFor: (request: ApiRequest) => boolean;
}

/** An AWS service: its signing names, authorization, and operations in its protocol. */
export interface Service<Context> extends Protocol<Context> {
  /** The prefix of its operations in policies and records. */
  readonly prefix: string;
  /** Its names in the credential scope of a signature. */
  readonly signingNames: readonly string[];
  /** Returns the regions that the credential scope may name, in an account of this region. */
  readonly signingRegions: (region: string) => readonly string[];
  /** The permissions that each operation needs, by its name (Service Authorization Reference). */
  readonly permissions: Readonly<Record<string, Permissions>>;
  /** Whether it accepts credentials from `GetSessionToken`. */
  readonly isOpenToSessions: boolean;
}
