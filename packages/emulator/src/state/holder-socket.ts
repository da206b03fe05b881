import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** The longest path of a socket on any system (`sun_path` in unix(7)). */
const MAX_PATH_BYTES = 100;

/**
 * Listens on a socket as long as this process runs: so processes in other containers, where its id says nothing, can
 * tell whether it does.
 *
 * @returns a function that stops it; undefined if the file system has no sockets or the path is too long
 */
export async function listenAsHolder(path: string): Promise<(() => void) | undefined> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return undefined;
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ path, exclusive: true }).unref();
    await once(server, 'listening');
  } catch {
    return undefined;
  }
  // A connection that cannot be accepted has told enough.
  server.on('error', () => {});
  return () => server.close();
}

/** Returns whether a process listens on a socket: a stopped one does. Undefined if the system does not tell. */
export function isListening(path: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      // Its queue is full.
      if (code === 'EAGAIN') resolve(true);
      else resolve(code === 'ECONNREFUSED' ? false : undefined);
    });
  });
}
