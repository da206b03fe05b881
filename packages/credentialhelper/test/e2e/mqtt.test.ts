import { describe, expect, it } from 'vitest';
import { prepareBroker } from '../support/mosquitto.ts';
import { connectClient, nextConnect, openIdentity, roundTrip } from '../support/mqtt.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { calls, count } from '../support/trace.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = KEYS.map((keyType, index) => {
  const device = makeSelfSigned(folder, `device-${index}`, keyType);
  const key = { token: 'the-token', label: keyType, id: `0${index + 1}` };
  softHsm.importKey({ ...key, file: device.keyFile });
  return { token: 'the-token', keyType, ...device };
});
const broker = await prepareBroker(
  folder,
  devices.map(({ certificateFile }) => certificateFile),
);
await broker.start();

describe.each(devices)('MQTT.js with an $keyType key in a token, over TLS 1.3', (device) => {
  it('connects, publishes, subscribes, and reconnects when the broker is back', async () => {
    await using identity = await openIdentity(broker, device);
    calls.length = 0;
    const client = await connectClient(broker, identity);
    expect(await roundTrip(client, 'first')).toBe('first');
    expect(count('C_Sign')).toBe(1);
    const back = nextConnect(client);
    await broker.stop();
    await broker.start();
    await back;
    expect(await roundTrip(client, 'second')).toBe('second');
    expect(count('C_Sign')).toBe(2);
    await client.endAsync();
  });
});
