import { createRequire } from 'node:module';
import type { SecureContext } from 'node:tls';

/** The part of a client of MQTT.js that tests use: its own types take a browser for granted. */
export interface MqttClient {
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

const require = createRequire(import.meta.url);

/** Connects a client of MQTT.js. */
export const { connectAsync } = require('mqtt') as {
  connectAsync(options: MqttOptions): Promise<MqttClient>;
};
