import { lookup } from 'node:dns/promises';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { Endpoint } from '../../options/endpoint.ts';
import { monotonicMs } from '../../process/timers.ts';
import { within } from '../../process/within.ts';
import { nodeFailure } from '../../tls/node-failure.ts';
import { timedOut, type WireFailure } from '../../tls/wire-error.ts';
import { type Finding, skipped, worked } from './finding.ts';
import { testServer } from './server.ts';
import { failedOnWire, type NetworkResult, type Route } from './wire.ts';

const BROKEN: NetworkResult = { works: false, skewMs: undefined };

/** Tests name, connection and server, without the device certificate. */
export async function* testNetwork(route: Route): AsyncGenerator<Finding, NetworkResult> {
  const { endpoint, timeoutMs } = route;
  const resolved = await resolveName(endpoint, timeoutMs);
  yield resolved;
  if (resolved.status === 'failed') {
    yield skipped('connection', 'not tested: the name has no address');
    yield skipped('server', 'not tested: there is no connection');
    return BROKEN;
  }
  const begin = monotonicMs();
  const connected = await connect(endpoint, timeoutMs);
  if ('code' in connected) {
    yield failedOnWire('connection', connected, endpoint);
    yield skipped('server', 'not tested: there is no connection');
    return BROKEN;
  }
  const ms = Math.round(monotonicMs() - begin);
  yield worked(
    'connection',
    `${connected.socket.remoteAddress} port ${endpoint.port}, ${ms} ms`,
    connected.failed,
  );
  const { finding, works, skewMs } = await testServer(connected.socket, route);
  yield finding;
  return { works, skewMs };
}

async function resolveName({ host, port }: Endpoint, timeoutMs: number): Promise<Finding> {
  if (isIP(host) !== 0) return skipped('dns', `${host} is an address, not a name`);
  const late = timedOut(timeoutMs, 'while resolving the name');
  try {
    const found = await within(lookup(host, { all: true }), timeoutMs, () => new Error(late.what));
    const addresses = [...new Set(found.map(({ address }) => address))];
    return worked('dns', `${host}: ${addresses.join(', ')}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const failure = code === undefined ? late : nodeFailure(error, { host, port }, false);
    return failedOnWire('dns', failure, { host });
  }
}

interface Connected {
  readonly socket: Socket;
  /** Addresses that did not answer. */
  readonly failed: readonly string[];
}

function connect({ host, port }: Endpoint, timeoutMs: number): Promise<Connected | WireFailure> {
  return new Promise((resolve) => {
    const failed: string[] = [];
    const socket = netConnect({ host, port });
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
      resolve(nodeFailure(error, { host, port }, false));
    });
  });
}
