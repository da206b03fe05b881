// Publishes a message over MQTT with a private key in a PKCS#11 token, and prints it as received. README.md has the
// preparation.
import { parseArgs } from 'node:util';
import { isCredentialHelperError } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { connect } from 'mqtt';

// AWS IoT Core does not say why it closes a connection.
const CLOSED =
  'the broker closed the connection: is the certificate active, and does its policy allow this client id and topic?';

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
  const client = connect({
    protocol: 'mqtts',
    host: values.endpoint,
    port: Number(values.port),
    clientId: values['client-id'],
    // This program tries once. Leave it out to reconnect, with another signature of the token.
    reconnectPeriod: 0,
    // Passed to tls.connect; missing in MQTT.js's types.
    ...{ secureContext: identity.secureContext },
  });
  const failed = new Promise<never>((_resolve, reject) => {
    client.on('error', reject).on('close', () => reject(new Error(CLOSED)));
  });
  const received = new Promise((resolve) =>
    client.once('message', (_topic, message) => resolve(`${message}`)),
  );
  const publish = async () => {
    await client.subscribeAsync(values.topic);
    await client.publishAsync(values.topic, values.message);
    return received;
  };
  try {
    console.log(`${values.topic}: ${await Promise.race([failed, publish()])}`);
  } finally {
    client.end();
  }
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  if (isCredentialHelperError(error) && error.hint) console.error(`hint: ${error.hint}`);
  process.exitCode = 1;
}
