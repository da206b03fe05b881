import { createServer, type Socket } from 'node:net';
import type { Fault, TlsAlert } from '../faults/fault.ts';
import type { FaultPlan } from '../faults/faults.ts';
import { LOOPBACK, listen } from './listen.ts';

/** A TCP listener that applies the faults of connections. */
export interface TcpListener {
  /**
   * Starts to listen on the loopback address, and returns the port.
   *
   * @param port - 0 for any free port
   * @throws {@link EmulatorError} (as a rejection) `ERR_PORT`
   */
  listen(port: number): Promise<number>;
  /** Returns the open connection with a port of a client. */
  connectionOf(remotePort: number | undefined): Socket | undefined;
  /** Stops to listen, and closes all connections. */
  close(): Promise<void>;
}

/** How often to try to listen again if another program uses the port meanwhile, in milliseconds. */
const LISTEN_AGAIN_MS = 100;

/**
 * Creates a listener, which is closed while a fault refuses connections.
 *
 * @param accept - called with each connection
 */
export function createTcpListener(
  faults: Pick<FaultPlan, 'isRefusing' | 'onChange'>,
  accept: (socket: Socket) => void,
): TcpListener {
  const connections = new Map<number | undefined, Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const { remotePort } = socket;
    connections.set(remotePort, socket);
    socket.once('close', () => {
      // The port may be reused by another connection.
      if (connections.get(remotePort) === socket) connections.delete(remotePort);
    });
    accept(socket);
  });
  let port: number | undefined;
  let isStarting = false;
  let isClosed = false;

  function followFaults(): void {
    if (port === undefined || isStarting) return;
    const shouldListen = !isClosed && !faults.isRefusing();
    if (shouldListen === server.listening) return;
    if (shouldListen) {
      isStarting = true;
      server.listen(port, LOOPBACK);
    } else server.close();
  }

  return {
    async listen(given) {
      port = await listen(server, given);
      server.on('listening', () => {
        isStarting = false;
        // There may have been another change meanwhile.
        followFaults();
      });
      server.on('error', () => {
        isStarting = false;
        setTimeout(followFaults, LISTEN_AGAIN_MS).unref();
      });
      faults.onChange(followFaults);
      followFaults();
      return port;
    },
    connectionOf: (remotePort) => connections.get(remotePort),
    close() {
      isClosed = true;
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections.values()) socket.destroy();
      });
    },
  };
}

/** The numbers of alerts (RFC 8446, section 6). */
const ALERTS: Readonly<Record<TlsAlert, number>> = {
  handshake_failure: 40,
  bad_certificate: 42,
  unknown_ca: 48,
  protocol_version: 70,
  internal_error: 80,
};

/** Applies a fault of connections to one. */
export function applyFault(socket: Socket, { tlsAlert }: Pick<Fault, 'tlsAlert'>): void {
  socket.on('error', () => {});
  // Without a reader the end of the connection is not noticed.
  socket.resume();
  if (tlsAlert === undefined) return;
  // A record of content type 21 (alert), in the version of all first records, with 2 bytes: fatal, and its number.
  socket.once('data', () => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, ALERTS[tlsAlert])));
}
