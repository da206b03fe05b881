import { type AddressInfo, connect, createServer } from 'node:net';

/** A TCP port that is free. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until something listens on a port. */
export async function untilListening(port: number, host = '127.0.0.1'): Promise<void> {
  while (!(await isListening(port, host))) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isListening(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
