// A device whose clock is wrong, or is set while it runs: whole processes with libfaketime (faketime(1)).
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { FAKE_TIME_LIBRARY } from '../support/fake-time.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;
const folder = temporaryFolder();
const softHsm = startSoftHsm();
const aws = await startEmulator();
afterAll(() => aws.close());
const device = await aws.seed({ thingName: 'clock', roleAlias: 'clock' });
const arn = `arn:aws:sts::${aws.accountId}:assumed-role/${device.roleName}/${device.certificateId}`;
const keyFile = join(folder, 'key.pem');
const pkcs8 = createPrivateKey(device.privateKeyPem).export({ type: 'pkcs8', format: 'pem' });
writeFileSync(keyFile, pkcs8, { mode: 0o600 });
softHsm.initToken('clock');
softHsm.importKey({ token: 'clock', label: 'key', id: '01', file: keyFile });

const options = {
  stsEndpoint: aws.apiEndpoint,
  endpoint: aws.credentialsEndpoint,
  region: aws.region,
  roleAlias: 'clock',
  thingName: 'clock',
  certificate: device.certificatePem,
  ca: aws.ca,
};
const WAYS = {
  'a key in a file': { privateKey: keyFile },
  'a key in a token': {
    pkcs11: { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'clock' },
  },
};
const PROGRAM = fileURLToPath(new URL('../support/clock-program.mjs', import.meta.url));

/** What the program saw. */
interface Seen {
  readonly Arn: string;
  readonly accessKeyId: string;
  /** How long the credentials last by the device's own clock. */
  readonly leftMs: number;
  /** That clock, in epoch milliseconds. */
  readonly now: number;
  readonly warnings: readonly string[];
}

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

/** Starts the program with a clock that the test sets, by an offset as faketime(1) takes it. */
function startDevice(way: object, offset: string) {
  const clockFile = join(folder, 'clock');
  const set = (text: string) => writeFileSync(clockFile, text);
  set(offset);
  const started = spawn(process.execPath, [PROGRAM, JSON.stringify({ ...options, ...way })], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      LD_PRELOAD: FAKE_TIME_LIBRARY,
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: '1',
      // As on a device: only the wall clock can be set.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  });
  child = started;
  const lines = createInterface({ input: started.stdout });
  const next = async (): Promise<Seen> => JSON.parse((await once(lines, 'line'))[0]);
  return {
    set,
    next,
    async again() {
      started.stdin.write('again\n');
      return next();
    },
  };
}

describe.each(Object.entries(WAYS))('with %s', (_name, way) => {
  it.each([
    ['a day ahead', '+1d', 'ahead of'],
    ['a day behind', '-23h', 'behind'],
  ])(
    'a device whose clock is %s gets credentials that its SDK client uses',
    async (_clock, offset, said) => {
      const device = startDevice(way, offset);
      const { Arn, leftMs, now, warnings } = await device.next();
      expect(Arn).toBe(arn);
      expect(Math.abs(now - Date.now()), 'the clock is wrong').toBeGreaterThan(22 * HOUR_MS);
      expect(leftMs).toBeGreaterThan(0.95 * HOUR_MS);
      expect(leftMs).toBeLessThan(1.05 * HOUR_MS);
      expect(warnings.filter((text) => text.includes(said))).toHaveLength(1);
    },
  );
});

describe('a clock that is set while the device runs', () => {
  it.each([
    ['back to what it should be', '+1d', '+0'],
    ['far ahead', '+0', '+30d'],
    ['far back', '+0', '-23h'],
  ])('%s neither ends the credentials nor keeps them longer', async (_name, before, later) => {
    const device = startDevice(WAYS['a key in a file'], before);
    const first = await device.next();
    device.set(later);
    const second = await device.again();
    expect(Math.abs(second.now - first.now), 'the clock was set').toBeGreaterThan(22 * HOUR_MS);
    expect(second.accessKeyId, 'the same credentials').toBe(first.accessKeyId);
    expect(second.Arn).toBe(arn);
    expect(second.leftMs).toBeGreaterThan(first.leftMs - 60_000);
    expect(second.leftMs).toBeLessThanOrEqual(first.leftMs + 3000);
  });
});
