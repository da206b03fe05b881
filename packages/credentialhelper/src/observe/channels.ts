import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** What subscribers of {@link fetchChannel} are given; never a secret. */
export interface FetchContext {
  /** Host and port of the credential provider. */
  readonly endpoint: string;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  /** When the credentials end, once they have come. */
  result?: { readonly expiration: Date };
  /** What went wrong, where it did. */
  error?: unknown;
}

/** The name of the tracing channel: `tracing:` and this, then `:start`, `:end`, `:asyncStart`, `:asyncEnd` or `:error`. */
const NAME = 'awsiot-credentialhelper:fetch';

const fetchChannel: TracingChannel<unknown, object> = tracingChannel(NAME);

/**
 * Traces a fetch of credentials for subscribers of `node:diagnostics_channel`, without what is secret of it.
 *
 * @param fetch - fetches
 * @param resultOf - what subscribers see of what was fetched
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
