// Run by tls-identity-lifetime.test.ts: closes each of many identities three times, and then uses another one. A
// double free crashes this process and not the tests.
//   node --expose-gc close-loop.mjs OPTIONS_AS_JSON PORT COUNT
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';

const [options, port, count] = process.argv.slice(2).map((argument) => JSON.parse(argument));
for (let i = 0; i < count; i++) {
  const identity = await openTlsIdentity(options);
  identity.close();
  identity.close();
  await identity[Symbol.asyncDispose]();
}
// The contexts are freed, and their keys with them.
for (let i = 0; i < 3; i++) {
  global.gc();
  await sleep(20);
}
const { secureContext, close } = await openTlsIdentity(options);
await new Promise((resolve, reject) => {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', secureContext });
  socket.on('error', reject).on('close', resolve).resume();
  socket.write('x');
});
close();
console.log('done');
