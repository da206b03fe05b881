/** A request to the AWS APIs, as received. */
export interface ApiRequest {
  readonly method: string;
  /** The path of the request line, without the query. */
  readonly path: string;
  /** The query as sent, without the question mark. */
  readonly queryText: string;
  /** The parameters of the query, decoded. */
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Header fields, their names in lower case; values of one that was sent several times are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address of the client. */
  readonly sourceIp: string;
  readonly body: Buffer;
  /** Whether the body was larger, and is only the beginning. */
  readonly isTooLarge: boolean;
}
