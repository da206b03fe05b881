/** A request to the AWS APIs, as received. */
export interface ApiRequest {
  readonly method: string;
  /** The path of the request line, without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Header fields, their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
