// Publishes a message over MQTT with a private key in a PKCS#11 token, and prints it as it comes back. README.md has the
// steps before it.
import { parseArgs } from 'node:util';
import { isCredentialHelperError } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { connectAsync } from 'mqtt';

try {
  const { values } = parseArgs({
    options: {
      endpoint: { type: 'string', default: '' },
      port: { type: 'string', default: '8883' },
      'client-id': { type: 'string', default: 'my-thing' },
      topic: { type: 'string', default: 'my-thing/messages' },
      message: { type: 'string', default: 'hello' },
      certificate: { type: 'string', default: '' },
      library: { type: 'string', default: '/usr/lib/softhsm/libsofthsm2.so' },
      'token-label': { type: 'string' },
      'key-label': { type: 'string' },
      'pin-file': { type: 'string', default: '' },
      ca: { type: 'string' },
    },
  });
  await using identity = await openTlsIdentity({
    certificate: values.certificate,
    ca: values.ca,
    pkcs11: {
      library: values.library,
      userPin: { file: values['pin-file'] },
      tokenLabel: values['token-label'],
      privateKeyLabel: values['key-label'],
    },
  });
  const client = await connectAsync({
    protocol: 'mqtts',
    host: values.endpoint,
    port: Number(values.port),
    clientId: values['client-id'],
    // Passed on to tls.connect, which MQTT.js's types do not say.
    ...{ secureContext: identity.secureContext },
  });
  const received = new Promise((resolve) =>
    client.once('message', (_topic, message) => resolve(`${message}`)),
  );
  await client.subscribeAsync(values.topic);
  await client.publishAsync(values.topic, values.message);
  console.log(`${values.topic}: ${await received}`);
  await client.endAsync();
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  if (isCredentialHelperError(error) && error.hint) console.error(`hint: ${error.hint}`);
  process.exitCode = 1;
}
