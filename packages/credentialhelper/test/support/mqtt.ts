import { createRequire } from 'node:module';
import type { SecureContext } from 'node:tls';
import { openTlsIdentity, type TlsIdentity } from 'awsiot-credentialhelper/tls';
import type { Broker } from './mosquitto.ts';
import { PIN, SOFTHSM_LIBRARY } from './softhsm.ts';
import { logger } from './trace.ts';

/** The part of an MQTT.js client that tests use: its own types require those of a browser. */
interface MqttClient {
  on(event: 'error', listener: () => void): void;
  once(event: 'connect', listener: () => void): void;
  once(event: 'message', listener: (topic: string, message: Buffer) => void): void;
  subscribeAsync(topic: string): Promise<unknown>;
  publishAsync(topic: string, message: string): Promise<unknown>;
  endAsync(): Promise<void>;
}

/** How a client connects. */
interface MqttOptions {
  readonly protocol: 'mqtts';
  readonly host: string;
  readonly port: number;
  readonly secureContext: SecureContext;
  readonly reconnectPeriod: number;
  readonly connectTimeout: number;
}

/** A device with its key in a SoftHSM token, with the key type as label. */
interface MqttDevice {
  readonly token: string;
  readonly keyType: string;
  readonly certificateFile: string;
}

const require = createRequire(import.meta.url);
const { connectAsync } = require('mqtt') as {
  connectAsync(options: MqttOptions): Promise<MqttClient>;
};

/** Opens the identity of a device for a broker, and records its PKCS#11 calls. */
export function openIdentity(broker: Broker, device: MqttDevice): Promise<TlsIdentity> {
  const { token, keyType, certificateFile } = device;
  return openTlsIdentity({
    certificate: certificateFile,
    ca: broker.caFile,
    logger,
    pkcs11: {
      library: SOFTHSM_LIBRARY,
      userPin: PIN,
      tokenLabel: token,
      privateKeyLabel: keyType,
    },
  });
}

/** Connects an MQTT.js client to a broker. It reconnects after a restart of the broker. */
export async function connectClient(
  broker: Broker,
  { secureContext }: Pick<TlsIdentity, 'secureContext'>,
): Promise<MqttClient> {
  const client = await connectAsync({
    protocol: 'mqtts',
    host: 'localhost',
    port: broker.port,
    secureContext,
    reconnectPeriod: 100,
    connectTimeout: 20_000,
  });
  client.on('error', () => {});
  return client;
}

/** Waits until a client has reconnected. */
export function nextConnect(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('connect', () => resolve()));
}

/** Publishes a message, and returns it as received. */
export async function roundTrip(client: MqttClient, text: string): Promise<string> {
  const received = new Promise<string>((resolve) => {
    client.once('message', (_topic, message) => resolve(message.toString()));
  });
  await client.subscribeAsync('things/messages');
  await client.publishAsync('things/messages', text);
  return received;
}
