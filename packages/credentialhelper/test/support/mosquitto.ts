import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { makeSelfSigned } from './openssl.ts';
import { freePort, untilListening } from './ports.ts';

const brokers: Broker[] = [];

// Registered here: within a test it would be too late.
afterAll(async () => {
  for (const broker of brokers) await broker.stop();
});

/** A mosquitto broker from Debian that accepts only TLS 1.3 and requires a client certificate. */
export interface Broker {
  readonly port: number;
  /** File with the certificate to trust. */
  readonly caFile: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Prepares a broker on the loopback interface. It stops after the tests.
 *
 * @param clients - files with the accepted client certificates
 */
export async function prepareBroker(folder: string, clients: readonly string[]): Promise<Broker> {
  const subject = ['-addext', 'subjectAltName=DNS:localhost'];
  const { keyFile, certificateFile } = makeSelfSigned(folder, 'broker', 'RSA 2048', subject);
  const caFile = join(folder, 'clients.pem');
  writeFileSync(caFile, clients.map((file) => readFileSync(file, 'utf8')).join(''));
  const port = await freePort();
  const configuration = join(folder, 'mosquitto.conf');
  writeFileSync(
    configuration,
    [
      `listener ${port} 127.0.0.1`,
      'user root',
      'allow_anonymous true',
      `cafile ${caFile}`,
      `certfile ${certificateFile}`,
      `keyfile ${keyFile}`,
      'require_certificate true',
      'tls_version tlsv1.3',
    ].join('\n'),
  );
  let child: ChildProcess | undefined;
  const stop = async () => {
    if (child === undefined) return;
    const ended = new Promise((resolve) => child?.once('close', resolve));
    child.kill();
    await ended;
    child = undefined;
  };
  const broker: Broker = {
    port,
    caFile: certificateFile,
    async start() {
      child = spawn('/usr/sbin/mosquitto', ['-c', configuration], { stdio: 'ignore' });
      await untilListening(port);
    },
    stop,
  };
  brokers.push(broker);
  return broker;
}
