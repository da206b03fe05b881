import { Agent, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import { checkProxy } from '../../options/proxy.ts';
import { attemptMs } from '../../tls/connecting.ts';
import { openTunnel } from '../../tls/tunnel.ts';

/**
 * An agent of `node:https` for the AWS SDK, which uses no proxy itself: connections go through the same proxy as those to the
 * credential provider, unless `NO_PROXY` excludes their host.
 */
export class TunnelAgent extends Agent {
  readonly #option: unknown;
  readonly #timeoutMs: number;

  /**
   * @param option - the option `proxy` of the session
   * @param timeoutMs - timeout of a connection, in milliseconds
   */
  constructor(option: unknown, timeoutMs: number) {
    super({ autoSelectFamilyAttemptTimeout: attemptMs(timeoutMs) });
    this.#option = option;
    this.#timeoutMs = timeoutMs;
  }

  /** Called by Node.js; it waits for the callback if this returns nothing. */
  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const host = options.host ?? 'localhost';
    const port = Number(options.port ?? 443);
    const endpoint = { host, port, authority: `${host}:${port}`, region: undefined };
    const proxy = checkProxy(this.#option, endpoint);
    if (proxy === undefined) return super.createConnection(options, callback);
    const servername = isIP(host) ? '' : host;
    // With an error there is no stream.
    const finish = callback as (error: Error | null, stream?: Duplex) => void;
    openTunnel(proxy, { host, port, path: '/', headers: {} }, this.#timeoutMs, {
      during: () => {},
      fail: ({ what }, cause) => finish(new Error(what, { cause })),
      open: (socket) =>
        finish(null, connect({ ...(options as ConnectionOptions), servername, socket })),
    });
    return undefined;
  }
}
