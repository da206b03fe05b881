import type { HttpProxy } from '../options/proxy.ts';

/** One HTTPS GET. */
export interface HttpsRequest {
  /** Host name or IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path, beginning with `/`. */
  readonly path: string;
  /** Header fields, including `host`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A proxy, and the CA certificates to trust for TLS to it instead of the default ones, as PEM. */
export type TrustedProxy = HttpProxy & { readonly ca?: string | undefined };

/** How a request is sent. */
export interface ConnectionSettings {
  /** The CA certificates to trust instead of the default ones, as PEM. */
  readonly ca: string | undefined;
  /** The proxy to send it through; undefined for a direct connection. */
  readonly proxy: TrustedProxy | undefined;
  /** Whether the server certificate is verified; that of a proxy always is. */
  readonly verifyPeer: boolean;
  /** Timeout in milliseconds. */
  readonly timeoutMs: number;
}

/** The response to an {@link HttpsRequest}: of any status, complete, and at most {@link MAX_BODY_BYTES} long. */
export interface HttpsResponse {
  readonly status: number;
  /** Header fields, their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * Sends a request over mutual TLS and returns the response.
 *
 * @throws {@link CredentialHelperError} (as a rejection) if there is no complete response
 */
export type HttpsGet = (request: HttpsRequest) => Promise<HttpsResponse>;

/** The maximum size of a body, in bytes. Credentials take about 1.5 KiB. */
export const MAX_BODY_BYTES: number = 64 * 1024;
