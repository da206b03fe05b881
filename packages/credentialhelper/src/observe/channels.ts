import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** The session, for subscribers of both channels. Nothing in the contexts is secret. */
interface SessionContext {
  /** Host and port of the credential provider. */
  readonly endpoint: string;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
}

/** The context for subscribers of `tracing:awsiot-credentialhelper:exchange:*`: a request to the credential provider. */
export interface ExchangeContext extends SessionContext {
  /** What was received, after a successful request. */
  result?: {
    /** When the new credentials expire, by the clock of the server. */
    readonly expiration: Date;
    readonly requestId: string | undefined;
    /** How far this device's clock is ahead of the server's, in milliseconds; undefined if unknown. */
    readonly skewMs: number | undefined;
  };
  /** The error of a failed request. */
  error?: unknown;
}

/**
 * The context for subscribers of `tracing:awsiot-credentialhelper:refresh:*`: the replacement of credentials by new
 * ones, each with an exchange in it.
 */
export interface RefreshContext extends SessionContext {
  /** When the credentials that are to be replaced expire, by this device's clock; it may be in the past. */
  readonly expiration: Date;
  /** The new credentials, after a successful refresh. */
  result?: { readonly expiration: Date };
  /** The error of a failed refresh. */
  error?: unknown;
}

const exchanges: TracingChannel<unknown, object> = tracingChannel(
  'awsiot-credentialhelper:exchange',
);
const refreshes: TracingChannel<unknown, object> = tracingChannel(
  'awsiot-credentialhelper:refresh',
);

/**
 * Traces a request for subscribers of `node:diagnostics_channel`.
 *
 * @param resultOf - the part of the result for subscribers
 */
export function traceExchange<T>(
  context: ExchangeContext,
  send: () => Promise<T>,
  resultOf: (received: T) => NonNullable<ExchangeContext['result']>,
): Promise<T> {
  return trace(exchanges, context, send, resultOf);
}

/**
 * Traces a refresh for subscribers of `node:diagnostics_channel`.
 *
 * @param resultOf - the part of the result for subscribers
 */
export function traceRefresh<T>(
  context: RefreshContext,
  fetch: () => Promise<T>,
  resultOf: (fetched: T) => NonNullable<RefreshContext['result']>,
): Promise<T> {
  return trace(refreshes, context, fetch, resultOf);
}

/** Subscribers see a part of the result, without secrets; the caller gets all of it. */
async function trace<T>(
  channel: TracingChannel<unknown, object>,
  context: object,
  run: () => Promise<T>,
  resultOf: (value: T) => object,
): Promise<T> {
  let whole: { readonly value: T } | undefined;
  await channel.tracePromise(async () => {
    whole = { value: await run() };
    return resultOf(whole.value);
  }, context);
  return (whole as unknown as { readonly value: T }).value;
}
