import { describe, expect, it } from 'vitest';
import { prepareBroker } from '../support/mosquitto.ts';
import { connectClient, nextConnect, openIdentity, roundTrip } from '../support/mqtt.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deleteKey, deleteToken, logOut } from '../support/token-changes.ts';
import { calls, count } from '../support/trace.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = KEYS.map((keyType, index) => {
  const device = makeSelfSigned(folder, `device-${index}`, keyType);
  return { token: `token-${index}`, keyType, ...device };
});
type Device = (typeof devices)[number];
let imports = 0;
// The public key of a deleted one keeps its id.
function importKey({ token, keyType, keyFile }: Device): void {
  const id = String(++imports).padStart(2, '0');
  softHsm.importKey({ token, label: keyType, id, file: keyFile });
}
for (const device of devices) {
  softHsm.initToken(device.token);
  importKey(device);
}
const broker = await prepareBroker(
  folder,
  devices.map(({ certificateFile }) => certificateFile),
);
await broker.start();

describe.each(devices)('MQTT.js with an $keyType key in a token reconnects', (device) => {
  const { token, keyType } = device;

  it.each<[string, () => void | Promise<void>]>([
    ['the token was logged out', () => logOut(token)],
    [
      'another process has replaced the key',
      () => {
        deleteKey(token, keyType);
        importKey(device);
      },
    ],
    [
      'another process has initialized the token again',
      () => {
        deleteToken(token);
        softHsm.initToken(token);
        importKey(device);
      },
    ],
  ])('with one login where %s while the broker was away', async (_what, change) => {
    await using identity = await openIdentity(broker, device);
    const client = await connectClient(broker, identity);
    expect(await roundTrip(client, 'first')).toBe('first');
    const back = nextConnect(client);
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
