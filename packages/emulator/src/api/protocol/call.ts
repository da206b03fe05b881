import type { Response } from '../../http/response.ts';

/** What a request to one of the AWS APIs asks for. */
export interface Call<Context> {
  /** The operation, such as `CreateThing`; undefined where the service has no such one. */
  readonly name: string | undefined;
  /** Does it, or refuses. */
  readonly answer: (context: Context) => Promise<Response> | Response;
}
