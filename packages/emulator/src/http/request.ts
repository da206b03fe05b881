/** A request to the AWS APIs, as it came from a socket. */
export interface ApiRequest {
  readonly method: string;
  /** As it stood in the request line, without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Header fields, their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
