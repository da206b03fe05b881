import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { describe, expect, it } from 'vitest';
import { prepareBroker } from '../support/mosquitto.ts';
import { connectAsync, type MqttClient } from '../support/mqtt.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = KEYS.map((keyType, index) => {
  const device = makeSelfSigned(folder, `device-${index}`, keyType);
  const key = { token: 'the-token', label: keyType, id: `0${index + 1}` };
  softHsm.importKey({ ...key, file: device.keyFile });
  return { keyType, ...device };
});
const broker = await prepareBroker(
  folder,
  devices.map(({ certificateFile }) => certificateFile),
);
await broker.start();

/** Publishes a message, and gives it as it comes back. */
async function roundTrip(client: MqttClient, text: string): Promise<string> {
  const received = new Promise<string>((resolve) => {
    client.once('message', (_topic, message) => resolve(message.toString()));
  });
  await client.subscribeAsync('things/messages');
  await client.publishAsync('things/messages', text);
  return received;
}

describe.each(devices)('MQTT.js with an $keyType key in a token, over TLS 1.3', (device) => {
  it('connects, publishes, subscribes, and connects again when the broker is back', async () => {
    let signatures = 0;
    const trace = (line: unknown) => {
      if (String(line).startsWith('C_Sign ')) signatures++;
    };
    const logger = { trace, debug() {}, info() {}, warn() {}, error() {} };
    await using identity = await openTlsIdentity({
      certificate: device.certificateFile,
      ca: broker.caFile,
      logger,
      pkcs11: {
        library: SOFTHSM_LIBRARY,
        userPin: PIN,
        tokenLabel: 'the-token',
        privateKeyLabel: device.keyType,
      },
    });
    signatures = 0;
    const client = await connectAsync({
      protocol: 'mqtts',
      host: 'localhost',
      port: broker.port,
      secureContext: identity.secureContext,
      reconnectPeriod: 100,
      connectTimeout: 20_000,
    });
    client.on('error', () => {});
    expect(await roundTrip(client, 'first')).toBe('first');
    expect(signatures).toBe(1);
    const back = new Promise((resolve) => client.once('connect', () => resolve(undefined)));
    await broker.stop();
    await broker.start();
    await back;
    expect(await roundTrip(client, 'second')).toBe('second');
    expect(signatures).toBe(2);
    await client.endAsync();
  });
});
