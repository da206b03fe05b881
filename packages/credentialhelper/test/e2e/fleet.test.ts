import { channel } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createFleet, type Fleet, type FleetInit, type ThingInit } from 'awsiot-credentialhelper';
import { type Emulator, type Seed, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { openssl } from '../support/openssl.ts';
import { childrenOfThisProcess } from '../support/processes.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws: Emulator = await startEmulator();
afterAll(() => aws.close());

const fleets: Fleet[] = [];
afterEach(async () => {
  aws.faults.clear();
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});

function open(more: Partial<FleetInit> = {}): Fleet {
  const fleet = createFleet({
    endpoint: aws.credentialsEndpoint,
    region: aws.region,
    roleAlias: 'the-alias',
    ca: aws.ca,
    ...more,
  });
  fleets.push(fleet);
  return fleet;
}

let things = 0;

async function makeThing(): Promise<{ readonly seed: Seed; readonly thing: ThingInit }> {
  const thingName = `thing-${++things}`;
  const seed = await aws.seed({ thingName, roleAlias: 'the-alias', keyType: 'EC-P256' });
  const { certificatePem: certificate, privateKeyPem: privateKey } = seed;
  return { seed, thing: { thingName, certificate, privateKey } };
}

const makeThings = (count: number) => Promise.all(Array.from({ length: count }, makeThing));

/** The largest number of fetches at a time while a function runs. */
async function peakOf(run: () => Promise<unknown>): Promise<number> {
  let running = 0;
  let peak = 0;
  const begin = () => {
    peak = Math.max(peak, ++running);
  };
  const end = () => running--;
  const name = 'tracing:awsiot-credentialhelper:exchange';
  channel(`${name}:start`).subscribe(begin);
  channel(`${name}:asyncEnd`).subscribe(end);
  await run();
  channel(`${name}:start`).unsubscribe(begin);
  channel(`${name}:asyncEnd`).unsubscribe(end);
  return peak;
}

describe('a fleet', () => {
  it('gives each thing a session for the clients of the AWS SDK', async () => {
    const fleet = open();
    for (const { seed, thing } of await makeThings(2)) {
      const session = await fleet.add(thing);
      expect(fleet.sessions.get(thing.thingName)).toBe(session);
      const sts = new STSClient({ ...session, endpoint: aws.apiEndpoint });
      const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
      expect(Arn).toContain(`assumed-role/the-alias-role/${seed.certificateId}`);
    }
    expect(fleet.region).toBe(aws.region);
    expect(fleet.sessions.size).toBe(2);
  });

  it('sends at most maxConcurrent requests at a time, and shows how many wait', async () => {
    const fleet = open({ maxConcurrent: 3 });
    const sessions = await Promise.all((await makeThings(10)).map(({ thing }) => fleet.add(thing)));
    aws.faults.add({ delayMs: 50 });
    const peak = await peakOf(async () => {
      const all = Promise.all(sessions.map((session) => session.credentials()));
      expect(fleet.requests).toEqual({ running: 0, waiting: 10 });
      await all;
    });
    expect(peak).toBe(3);
    expect(fleet.requests).toEqual({ running: 0, waiting: 0 });
  });

  it('keeps the failure of one thing apart from the others', async () => {
    const fleet = open({ maxConcurrent: 2, maxWaitMs: 1000 });
    const [good, bad] = await makeThings(2);
    const sessions = {
      good: await fleet.add(good?.thing as ThingInit),
      bad: await fleet.add(bad?.thing as ThingInit),
    };
    aws.faults.add({ thingName: bad?.thing.thingName as string, action: 'reset' });
    const error = await errorOf(() => sessions.bad.credentials());
    expect(error.code).toBe('ERR_CONNECTION_RESET');
    await sessions.good.credentials();
    expect(sessions.good.stats).toMatchObject({ fetches: 1, failures: {} });
    expect(sessions.bad.stats).toMatchObject({ fetches: 0, failures: { [error.code]: 1 } });
  });

  it('tells a caller whose turn does not come in time', async () => {
    const fleet = open({ maxConcurrent: 1, maxWaitMs: 1000, timeoutMs: 2000 });
    const sessions = await Promise.all((await makeThings(2)).map(({ thing }) => fleet.add(thing)));
    aws.faults.add({ action: 'hang', count: 1 });
    const errors = await Promise.all(
      sessions.map((session) => errorOf(() => session.credentials())),
    );
    expect(errors.map(({ code }) => code)).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT']);
    expect(errors[0]?.message).toContain('timed out after 2000 ms');
    expect(errors[1]?.message).toBe(
      'the turn of this thing did not come within 1000 ms; 1 requests of the fleet are waiting',
    );
  });

  it('refuses a thing twice, and a bad one without an effect on the others', async () => {
    const fleet = open();
    const [one, other] = await makeThings(2);
    const [thing, { certificate }] = [one?.thing as ThingInit, other?.thing as ThingInit];
    const added = await Promise.allSettled([
      fleet.add(thing),
      fleet.add(thing),
      fleet.add({ ...thing, thingName: 'with-wrong-key', certificate }),
      fleet.add({ ...thing, thingName: 'with space' }),
      fleet.add(Object.assign({ endpoint: 'other' }, thing)),
    ]);
    expect(added.map((one) => (one.status === 'rejected' ? one.reason.code : 'added'))).toEqual([
      'added',
      'ERR_INVALID_OPTION',
      'ERR_KEY_CERTIFICATE_MISMATCH',
      'ERR_INVALID_OPTION',
      'ERR_INVALID_OPTION',
    ]);
    expect([...fleet.sessions.keys()]).toEqual([thing.thingName]);
  });

  it('removes a thing whose session is closed; it can be added again', async () => {
    const fleet = open();
    const { thing } = await makeThing();
    const session = await fleet.add(thing);
    await session.close();
    expect(fleet.sessions.size).toBe(0);
    expect((await errorOf(() => session.credentials())).code).toBe('ERR_SESSION_CLOSED');
    const again = await fleet.add(thing);
    await again.credentials();
    // Closing the old session once more does not remove the new one.
    await session.close();
    expect(fleet.sessions.get(thing.thingName)).toBe(again);
    await fleet.close();
    expect((await errorOf(() => again.credentials())).code).toBe('ERR_SESSION_CLOSED');
  });

  it('closes all sessions; waiting calls are rejected, and nothing can be added', async () => {
    const fleet = open({ maxConcurrent: 1 });
    const [running, waiting] = await Promise.all(
      (await makeThings(2)).map(({ thing }) => fleet.add(thing)),
    );
    aws.faults.add({ delayMs: 100 });
    const first = running?.credentials();
    const second = errorOf(() => waiting?.credentials());
    await new Promise((resolve) => setTimeout(resolve, 30));
    await fleet.close();
    expect((await first)?.accessKeyId).toMatch(/^ASIA/);
    expect((await second).code).toBe('ERR_SESSION_CLOSED');
    expect(fleet.sessions.size).toBe(0);
    const { thing } = await makeThing();
    expect((await errorOf(() => fleet.add(thing))).code).toBe('ERR_SESSION_CLOSED');
  });

  it('fetches with keepFresh as soon as a thing is added', async () => {
    const fleet = open({ keepFresh: true });
    const session = await fleet.add((await makeThing()).thing);
    await expect.poll(() => session.expiration).toBeInstanceOf(Date);
    expect(session.stats.servedFromMemory).toBe(0);
  });

  it('takes the role alias of a thing instead of its own', async () => {
    const { seed, thing } = await makeThing();
    aws.iot.createRoleAlias({ roleAlias: 'another', roleArn: seed.roleArn });
    const fleet = open({ maxWaitMs: 1000 });
    const session = await fleet.add({ ...thing, roleAlias: 'another' });
    // Its policy allows the other one.
    const error = await errorOf(() => session.credentials());
    expect(error.message).toContain('role alias "another"');
  });

  it.each([
    [{ maxConcurrent: 0 }, '"maxConcurrent" must be a whole number from 1 to 1000, got 0'],
    [{ thingName: 'thing' }, 'unknown option "thingName"'],
    [{ maxWaitMs: 0 }, '"maxWaitMs" must be a whole number from 1000 to 3600000, got 0'],
  ])('refuses the option %j', async (option, message) => {
    const error = await errorOf(() => open(option as Partial<FleetInit>));
    expect([error.code, error.message]).toEqual(['ERR_INVALID_OPTION', message]);
  });
});

describe('a fleet with keys in a token', () => {
  const softHsm = startSoftHsm();
  softHsm.initToken('fleet');

  async function makeTokenThing(index: number): Promise<ThingInit> {
    const { seed, thing } = await makeThing();
    const file = join(folder, `${thing.thingName}.key`);
    writeFileSync(file, seed.privateKeyPem, { mode: 0o600 });
    const pkcs8 = `${file}.pkcs8`;
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', file, '-out', pkcs8);
    softHsm.importKey({ token: 'fleet', label: thing.thingName, id: `${10 + index}`, file: pkcs8 });
    const { thingName, certificate } = thing;
    const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'fleet' };
    return { thingName, certificate, pkcs11: { ...pkcs11, privateKeyLabel: thingName } };
  }

  it('uses one child process for all of them, in turn', async () => {
    const fleet = open();
    const all = await Promise.all(Array.from({ length: 8 }, (_, index) => makeTokenThing(index)));
    const sessions = await Promise.all(all.map((thing) => fleet.add(thing)));
    const children = new Set<number>();
    const watch = setInterval(() => {
      for (const pid of childrenOfThisProcess()) children.add(pid);
    }, 5);
    const peak = await peakOf(() => Promise.all(sessions.map((session) => session.credentials())));
    clearInterval(watch);
    expect(peak).toBe(1);
    expect(children.size).toBe(1);
    await expect.poll(childrenOfThisProcess).toEqual([]);
  });

  it('keeps a wrong key label apart from the others', async () => {
    const fleet = open({ maxWaitMs: 20_000 });
    const good = await makeTokenThing(20);
    const { thing } = await makeThing();
    const { certificate, thingName } = thing;
    const pkcs11 = { ...good.pkcs11, library: SOFTHSM_LIBRARY, privateKeyLabel: 'none' };
    const bad = await fleet.add({ thingName, certificate, pkcs11 });
    const session = await fleet.add(good);
    const failed = errorOf(() => bad.credentials());
    expect((await session.credentials()).accessKeyId).toMatch(/^ASIA/);
    expect((await failed).code).toBe('ERR_KEY_NOT_FOUND');
  });
});
