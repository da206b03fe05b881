import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { EmulatorError } from '../errors.ts';

/**
 * Starts to listen on an address, and returns the port.
 *
 * @param port - 0 for any free port
 * @throws {@link EmulatorError} (as a rejection) `ERR_PORT`
 */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      reject(
        new EmulatorError(`cannot listen on port ${port}: ${reason}`, { code: 'ERR_PORT', cause }),
      );
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Stops a server, listening or not, and closes its connections. */
export function close(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
