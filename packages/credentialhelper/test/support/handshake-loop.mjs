// Run by tls-identity.test.ts: performs handshakes with one identity, and reports leaks.
//   node --expose-gc handshake-loop.mjs OPTIONS_AS_JSON PORT WARM_UP COUNT
import { connect } from 'node:tls';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { measure } from './memory.mjs';

const [options, port, warmUp, count] = process.argv
  .slice(2)
  .map((argument) => JSON.parse(argument));
const { secureContext, close } = await openTlsIdentity(options);

async function handshake(times) {
  for (let i = 0; i < times; i++) {
    await new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', secureContext });
      socket.on('error', reject).on('close', resolve).resume();
      socket.write('x');
    });
  }
}

await handshake(warmUp);
const before = await measure();
await handshake(count);
console.log(JSON.stringify({ before, after: await measure() }));
close();
