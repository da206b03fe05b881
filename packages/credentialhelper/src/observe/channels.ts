import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** The context for subscribers of {@link fetchChannel}, without secrets. */
export interface FetchContext {
  /** Host and port of the credential provider. */
  readonly endpoint: string;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  /** The expiration of the credentials, after a successful fetch. */
  result?: { readonly expiration: Date };
  /** The error of a failed fetch. */
  error?: unknown;
}

/**
 * The name of the tracing channel: `tracing:` and this, then `:start`, `:end`, `:asyncStart`, `:asyncEnd` or `:error`.
 */
const NAME = 'awsiot-credentialhelper:fetch';

const fetchChannel: TracingChannel<unknown, object> = tracingChannel(NAME);

/**
 * Traces a fetch of credentials for subscribers of `node:diagnostics_channel`, without secrets.
 *
 * @param fetch - the fetch
 * @param resultOf - the part of the result for subscribers
 */
export async function traceFetch<T>(
  context: FetchContext,
  fetch: () => Promise<T>,
  resultOf: (fetched: T) => NonNullable<FetchContext['result']>,
): Promise<T> {
  let fetched: { readonly value: T } | undefined;
  await fetchChannel.tracePromise(async () => {
    fetched = { value: await fetch() };
    return resultOf(fetched.value);
  }, context);
  return (fetched as unknown as { readonly value: T }).value;
}
