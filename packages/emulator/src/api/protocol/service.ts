import type { ApiRequest } from '../../http/request.ts';
import type { Response } from '../../http/response.ts';

/** Errors that every service has, whatever its operations. Each protocol has names of its own for them. */
export type CommonError =
  | 'MissingAuthenticationToken'
  | 'IncompleteSignature'
  | 'InvalidClientTokenId'
  | 'SignatureDoesNotMatch'
  | 'ExpiredToken'
  | 'AccessDenied'
  | 'InternalFailure';

/** What a request to one of the AWS APIs asks for. */
export interface Call<Context> {
  /** The operation, such as `CreateThing`; undefined where the service has no such one. */
  readonly name: string | undefined;
  /** Does it, or refuses. */
  readonly answer: (context: Context) => Promise<Response> | Response;
}

/** How the requests and responses of a service look. */
export interface Protocol<Context> {
  /** Returns the response that reports an error. */
  readonly refuse: (error: CommonError, message: string) => Response;
  /** Returns what a request asks for. */
  readonly find: (request: ApiRequest) => Call<Context>;
}

/** A service of AWS: how requests for it are recognized, who may send them, and its operations in its protocol. */
export interface Service<Context> extends Protocol<Context> {
  /** What stands before the names of its operations in policies and records. */
  readonly prefix: string;
  /** Its names in the credential scope of a signature. */
  readonly signingNames: readonly string[];
  /** Returns the regions that the credential scope may name, in an account of this region. */
  readonly signingRegions: (region: string) => readonly string[];
  /** Whether sessions of roles may call it: the emulator does not evaluate their policies. */
  readonly isOpenToRoles: boolean;
}
