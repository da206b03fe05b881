import { createServer, type Socket } from 'node:net';
import type { Fault, TlsAlert } from '../faults/fault.ts';
import type { FaultPlan } from '../faults/faults.ts';
import { listen } from './listen.ts';

/** A TCP listener that applies the faults of connections. */
export interface TcpListener {
  /**
   * Starts to listen, and returns the port.
   *
   * @param port - 0 for any free port
   * @throws {@link EmulatorError} (as a rejection) `ERR_PORT`
   */
  listen(port: number): Promise<number>;
  /** Returns the open connection with an address and port of a client. */
  connectionOf(client: Client): Socket | undefined;
  /** Stops to listen, and closes all connections. */
  close(): Promise<void>;
}

/** The other end of a connection. Several clients on the loopback interface may have the same port. */
type Client = Pick<Socket, 'remoteAddress' | 'remotePort'>;

const nameOf = ({ remoteAddress, remotePort }: Client) => `${remoteAddress} ${remotePort}`;

/** How often to try to listen again if another program uses the port meanwhile, in milliseconds. */
const LISTEN_AGAIN_MS = 100;

/**
 * Creates a listener, which is closed while a fault refuses connections.
 *
 * @param host - the address to listen on
 * @param accept - called with each connection, which may have been read from
 */
export function createTcpListener(
  faults: Pick<FaultPlan, 'isRefusing' | 'mayAnswer' | 'onChange'>,
  host: string,
  accept: (socket: Socket) => void,
): TcpListener {
  const connections = new Map<string, Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const name = nameOf(socket);
    connections.set(name, socket);
    socket.once('close', () => {
      // The port may be reused by another connection.
      if (connections.get(name) === socket) connections.delete(name);
    });
    if (faults.mayAnswer()) acceptHandshake(socket);
    else accept(socket);
  });
  /** A fault is for a client that begins a handshake, not for one that only tries whether the port is open. */
  function acceptHandshake(socket: Socket): void {
    const ignore = () => {};
    socket.on('error', ignore);
    socket.once('data', (hello) => {
      socket.off('error', ignore).pause();
      socket.unshift(hello);
      accept(socket);
      process.nextTick(() => socket.resume());
    });
  }
  let port: number | undefined;
  let isStarting = false;
  let isClosed = false;

  function followFaults(): void {
    if (port === undefined || isStarting) return;
    const shouldListen = !isClosed && !faults.isRefusing();
    if (shouldListen === server.listening) return;
    if (shouldListen) {
      isStarting = true;
      server.listen(port, host);
    } else server.close();
  }

  return {
    async listen(given) {
      port = await listen(server, given, host);
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
    connectionOf: (client) => connections.get(nameOf(client)),
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

/**
 * Waits until the client of a connection begins a handshake: a fault is for that, and not for a client that only tries
 * whether the port is open.
 *
 * @param handle - called then, with a function that goes on as if nothing had been read
 */
export function whenHandshakeBegins(
  socket: Socket,
  handle: (goOn: (accept: () => void) => void) => void,
): void {
  const ignore = () => {};
  socket.on('error', ignore);
  socket.once('data', (hello) =>
    handle((accept) => {
      socket.off('error', ignore).pause();
      socket.unshift(hello);
      accept();
      process.nextTick(() => socket.resume());
    }),
  );
}

/** Applies a fault of connections to one whose client began a handshake. */
export function applyFault(socket: Socket, { tlsAlert }: Pick<Fault, 'tlsAlert'>): void {
  // Without a reader the end of the connection is not noticed.
  socket.resume();
  // A record of content type 21 (alert), in the version of all first records, with 2 bytes: fatal, and its number.
  if (tlsAlert !== undefined) socket.end(Buffer.of(21, 3, 3, 0, 2, 2, ALERTS[tlsAlert]));
}
