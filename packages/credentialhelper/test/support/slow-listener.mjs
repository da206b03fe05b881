// A server on 127.0.0.1 with a short queue for connections: prints its port, and pipes each connection to another port.
// While it is stopped and its queue is full, the kernel leaves further connections unanswered.
import { connect, createServer } from 'node:net';

const target = Number(process.argv[2]);
const server = createServer((socket) => {
  const other = connect(target, '127.0.0.1');
  for (const one of [socket, other]) one.on('error', () => {});
  socket.pipe(other).pipe(socket);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  process.stdout.write(`${server.address().port}\n`);
});
