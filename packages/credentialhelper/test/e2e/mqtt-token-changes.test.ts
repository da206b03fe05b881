import { execFileSync } from 'node:child_process';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { afterEach, describe, expect, it } from 'vitest';
import { Pkcs11 } from '../../src/pkcs11/pkcs11.ts';
import { prepareBroker } from '../support/mosquitto.ts';
import { connectAsync, type MqttClient } from '../support/mqtt.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
let imports = 0;
// The public key of one that was deleted keeps its id.
function importKey(label: string, file: string): void {
  softHsm.importKey({ token: 'the-token', label, id: String(++imports).padStart(2, '0'), file });
}
const devices = KEYS.map((keyType, index) => {
  const device = makeSelfSigned(folder, `device-${index}`, keyType);
  importKey(keyType, device.keyFile);
  return { keyType, ...device };
});
const broker = await prepareBroker(
  folder,
  devices.map(({ certificateFile }) => certificateFile),
);
await broker.start();

const calls: string[] = [];
const count = (name: string) => calls.filter((line) => line.startsWith(`${name} `)).length;
const logger = {
  trace: (line: unknown) => calls.push(String(line)),
  debug() {},
  info() {},
  warn() {},
  error() {},
};
afterEach(() => {
  calls.length = 0;
});

/** Publishes a message, and returns it as it comes back. */
async function roundTrip(client: MqttClient, text: string): Promise<string> {
  const received = new Promise<string>((resolve) => {
    client.once('message', (_topic, message) => resolve(message.toString()));
  });
  await client.subscribeAsync('things/messages');
  await client.publishAsync('things/messages', text);
  return received;
}

/** Logs the token out: a login is the whole process's, and any session may end it. */
async function logOut(): Promise<void> {
  const pkcs11 = await Pkcs11.open({ library: SOFTHSM_LIBRARY });
  const slot = pkcs11.getSlots().find((slot) => pkcs11.getTokenInfo(slot).label === 'the-token');
  if (slot === undefined) throw new Error('the token is not there');
  const session = pkcs11.openSession(slot, 4);
  pkcs11.logout(session);
  pkcs11.closeSession(session);
}

function deleteKey(label: string): void {
  execFileSync(
    'pkcs11-tool',
    [
      ...['--module', SOFTHSM_LIBRARY, '--token-label', 'the-token', '--login', '--pin', PIN],
      ...['--delete-object', '--type', 'privkey', '--label', label],
    ],
    { stdio: 'ignore' },
  );
}

describe.each(devices)('MQTT.js with an $keyType key in a token connects again', (device) => {
  it.each<[string, () => Promise<void>]>([
    ['the token was logged out', logOut],
    [
      'another process has replaced the key',
      async () => {
        deleteKey(device.keyType);
        importKey(device.keyType, device.keyFile);
      },
    ],
  ])('with one login where %s while the broker was away', async (_what, change) => {
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
    const back = new Promise((resolve) => client.once('connect', () => resolve(undefined)));
    await broker.stop();
    await change();
    calls.length = 0;
    await broker.start();
    await back;
    expect(await roundTrip(client, 'second')).toBe('second');
    expect(count('C_Login')).toBe(1);
    await client.endAsync();
  });
});
