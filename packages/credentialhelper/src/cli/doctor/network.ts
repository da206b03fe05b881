import { lookup } from 'node:dns/promises';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { HttpProxy } from '../../options/proxy.ts';
import { monotonicMs } from '../../process/timers.ts';
import { within } from '../../process/within.ts';
import { attemptMs } from '../../tls/connecting.ts';
import { nodeFailure } from '../../tls/node-failure.ts';
import { proxyFailure } from '../../tls/proxy-failure.ts';
import { openTunnel } from '../../tls/tunnel.ts';
import { timedOut, type WireFailure } from '../../tls/wire-error.ts';
import { type Finding, type Step, skipped, worked } from './finding.ts';
import { testServer } from './server.ts';
import { failedOnWire, type NetworkResult, type Route } from './wire.ts';

const BROKEN: NetworkResult = { works: false, skewMs: undefined };

/** Tests name, connection and server, without the device certificate; with a proxy its name and connection. */
export async function* testNetwork(
  route: Route,
  testing: (step: Step) => void,
): AsyncGenerator<Finding, NetworkResult> {
  const { endpoint, proxy } = route;
  const peer = peerOf(route);
  const afterDns = proxy === undefined ? [] : (['proxy'] as const);
  testing('dns');
  const resolved = await resolveName(peer, route);
  yield resolved;
  if (resolved.status === 'failed') {
    yield* skippedAll(['connection', ...afterDns, 'server'], 'the name has no address');
    return BROKEN;
  }
  testing('connection');
  const begin = monotonicMs();
  const connected = await connect(peer, route);
  if ('code' in connected) {
    yield failedOnWire('connection', connected, endpoint);
    yield* skippedAll([...afterDns, 'server'], 'there is no connection');
    return BROKEN;
  }
  let { socket } = connected;
  const ms = Math.round(monotonicMs() - begin);
  yield worked(
    'connection',
    `${proxy === undefined ? '' : 'to the proxy: '}${socket.remoteAddress} port ${peer.port}, ${ms} ms`,
    connected.failed,
  );
  if (proxy !== undefined) {
    socket.destroy();
    testing('proxy');
    const tunnel = await tunnelThrough(proxy, route);
    if ('code' in tunnel) {
      yield failedOnWire('proxy', tunnel, endpoint);
      yield skipped('server', 'not tested: there is no connection');
      return BROKEN;
    }
    yield worked('proxy', `${proxy.name} connects to ${endpoint.authority}`, [
      `set by ${originOf(proxy)}`,
    ]);
    ({ socket } = tunnel);
  }
  testing('server');
  const { finding, works, skewMs } = await testServer(socket, route);
  yield finding;
  return { works, skewMs };
}

function* skippedAll(steps: readonly Finding['step'][], why: string): Generator<Finding> {
  for (const step of steps) yield skipped(step, `not tested: ${why}`);
}

function originOf({ origin }: HttpProxy): string {
  return origin === 'proxy' ? 'the option "proxy"' : `the environment variable ${origin}`;
}

/** The host that this device connects to. */
interface Peer {
  readonly host: string;
  readonly port: number;
}

function peerOf({ endpoint, proxy }: Route): Peer {
  return proxy ?? endpoint;
}

/** Explains an error of the connection to the endpoint or the proxy. */
function failureOf(error: unknown, { endpoint, proxy }: Route): WireFailure {
  return proxy === undefined ? nodeFailure(error, endpoint, false) : proxyFailure(error, proxy);
}

async function resolveName({ host }: Peer, route: Route): Promise<Finding> {
  const { proxy, timeoutMs } = route;
  const who = proxy === undefined ? '' : 'of the proxy: ';
  if (isIP(host) !== 0) return skipped('dns', `${who}${host} is an address, not a name`);
  const late = timedOut(timeoutMs, 'while resolving the name');
  try {
    const found = await within(lookup(host, { all: true }), timeoutMs, () => new Error(late.what));
    const addresses = [...new Set(found.map(({ address }) => address))];
    return worked('dns', `${who}${host}: ${addresses.join(', ')}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const failure = code === undefined ? late : failureOf(error, route);
    return failedOnWire('dns', failure, { host });
  }
}

interface Connected {
  readonly socket: Socket;
  /** Addresses that did not answer. */
  readonly failed: readonly string[];
}

function connect({ host, port }: Peer, route: Route): Promise<Connected | WireFailure> {
  const { timeoutMs } = route;
  return new Promise((resolve) => {
    const failed: string[] = [];
    const socket = netConnect({
      host,
      port,
      autoSelectFamilyAttemptTimeout: attemptMs(timeoutMs),
    });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(timedOut(timeoutMs, 'while connecting'));
    }, timeoutMs);
    socket.on('connectionAttemptFailed', (address, _port, _family, error) => {
      failed.push(`${address}: ${(error as NodeJS.ErrnoException).code}`);
    });
    socket.on('connectionAttemptTimeout', (address) => failed.push(`${address}: timed out`));
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve({ socket, failed });
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      resolve(failureOf(error, route));
    });
  });
}

function tunnelThrough(
  proxy: HttpProxy,
  { endpoint, timeoutMs }: Route,
): Promise<Connected | WireFailure> {
  return new Promise((resolve) => {
    let doing = `while connecting to the proxy ${proxy.name}`;
    const settle = (result: Connected | WireFailure) => {
      clearTimeout(timer);
      resolve(result);
    };
    const request = { ...endpoint, path: '/', headers: {} };
    const sent = openTunnel(proxy, request, timeoutMs, {
      during: (step) => {
        doing = step;
      },
      fail: settle,
      open: (socket) => {
        settle({ socket, failed: [] });
      },
    });
    const timer = setTimeout(() => {
      resolve(timedOut(timeoutMs, doing));
      sent.destroy();
    }, timeoutMs);
  });
}
