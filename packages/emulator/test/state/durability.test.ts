import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import type { Thing } from '../../src/state/records.ts';
import { openStore, type Store } from '../../src/state/store.ts';
import { BUILT, hasThing, makeThings, runLimited } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-durability-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));

describe('the state in a folder', () => {
  it('loses no acknowledged change if the process is killed at any time', async () => {
    const dir = newFolder();
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++) {
      const child = makeThings(dir, `round${round}`);
      const lines = createInterface({ input: child.stdout ?? process.stdin });
      lines.on('line', (line) => acknowledged.push(line));
      await once(lines, 'line');
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 100));
      const ended = Promise.all([once(child, 'exit'), once(lines, 'close')]);
      child.kill('SIGKILL');
      await ended;
      const aws = await startEmulator({ dir });
      // The last name may be truncated in the output.
      const names = acknowledged
        .filter((line) => line.endsWith(';'))
        .map((line) => line.slice(0, -1));
      const lost = names.filter((name) => !hasThing(aws, name));
      await aws.close();
      expect(lost).toEqual([]);
      expect(names.length).toBeGreaterThan(round);
    }
  });

  it('is restored without an incomplete last line after a crash', async () => {
    const dir = newFolder();
    const first = await startEmulator({ dir });
    await first.iot.createThing({ thingName: 'whole' });
    await first.close();
    appendFileSync(join(dir, 'records.jsonl'), '[["things","torn",{"thingNa');
    const second = await startEmulator({ dir });
    expect(['whole', 'torn'].map((name) => hasThing(second, name))).toEqual([true, false]);
    await second.iot.createThing({ thingName: 'after' });
    await second.close();
    const third = await startEmulator({ dir });
    expect(['whole', 'after'].map((name) => hasThing(third, name))).toEqual([true, true]);
    await third.close();
  });

  const thing = (thingName: string): Thing => ({
    thingName,
    thingId: thingName,
    version: 1,
    attributes: {},
  });

  it('applies the changes of a batch atomically', async () => {
    const dir = newFolder();
    const options = { dir, accountId: undefined, region: undefined, nowMs: Date.now() };
    const store = await openStore(options);
    store.put('things', 'kept', thing('kept'));
    const change = () =>
      store.batch(() => {
        store.put('things', 'new', thing('new'));
        store.put('things', 'kept', thing('changed'));
        store.put('things', 'kept', thing('changed again'));
        store.remove('things', 'kept');
        throw new Error('half way');
      });
    expect(change).toThrow('half way');
    expect(store.state.things).toEqual({ kept: thing('kept') });
    store.batch(() => store.put('things', 'later', thing('later')));
    store.put('things', 'removed', thing('removed'));
    store.remove('things', 'removed');
    await store.close();
    const reopened = await openStore(options);
    expect(reopened.state.things).toEqual({ kept: thing('kept'), later: thing('later') });
    await reopened.close();
  });

  it('is the same after a restart, for any operations', async () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'constructor'),
      id: fc.option(fc.string(), { nil: undefined }),
    });
    const step = fc.record({ changes: fc.array(change, { maxLength: 4 }), fails: fc.boolean() });
    const put = (store: Store, { name, id }: { name: string; id: string | undefined }) => {
      if (id === undefined) store.remove('things', name);
      else store.put('things', name, { ...thing(name), thingId: id });
    };
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
    const take = (store: Store, { changes, fails }: Step) => {
      const make = () => {
        for (const one of changes) put(store, one);
        if (fails) throw new Error('half way');
      };
      if (fails) expect(() => store.batch(make)).toThrow('half way');
      else store.batch(make);
      for (const one of changes.slice(0, 1)) put(store, one);
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step)), async (lives) => {
        const options = { dir: newFolder(), accountId: undefined, region: undefined, nowMs: 0 };
        let before: unknown = {};
        for (const steps of lives) {
          const store = await openStore(options);
          expect(store.state.things).toEqual(before);
          for (const one of steps) take(store, one);
          before = structuredClone(store.state.things);
          await store.close();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('rejects a damaged file', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    await aws.close();
    appendFileSync(join(dir, 'records.jsonl'), 'nonsense\n');
    await expect(startEmulator({ dir })).rejects.toThrow('records.jsonl is damaged');
    // Nothing is locked after that.
    expect(existsSync(join(dir, 'running.json'))).toBe(false);
  });

  it('does not grow without bound', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    const { certificateId } = await aws.iot.createKeysAndCertificate({ keyType: 'EC-P256' });
    for (let i = 0; i < 1500; i++) {
      await aws.iot.updateCertificate({ certificateId, newStatus: i % 2 ? 'ACTIVE' : 'INACTIVE' });
    }
    await aws.close();
    const file = join(dir, 'records.jsonl');
    const grown = statSync(file).size;
    await (await startEmulator({ dir })).close();
    expect(statSync(file).size).toBeLessThan(grown / 100);
    const again = await startEmulator({ dir });
    expect(again.iot.describeCertificate({ certificateId }).status).toBe('ACTIVE');
    await again.close();
  });
});

describe('if nothing more can be written', () => {
  it('reports it in the format of each API, keeps acknowledged changes, and restarts', async () => {
    const dir = newFolder();
    const program = `
      import { startEmulator } from "${BUILT}";
      import { IAMClient, CreateRoleCommand } from "@aws-sdk/client-iam";
      import { IoTClient, CreateThingCommand } from "@aws-sdk/client-iot";
      const aws = await startEmulator({ dir: "${dir}" });
      const kept = [];
      const attributes = { filler: "x".repeat(800) };
      const failures = [];
      const failed = ({ code, name, $metadata }) => failures.push(code ?? [name, $metadata.httpStatusCode]);
      try {
        for (let i = 0; ; i++) kept.push(aws.iot.createThing({ thingName: "t" + i, attributes }).thingName);
      } catch (error) {
        failed(error);
      }
      const { administrator: credentials, apiEndpoint: endpoint, region } = aws;
      const options = { endpoint, region, credentials, maxAttempts: 1 };
      const thing = { thingName: "more", attributePayload: { attributes } };
      await new IoTClient(options).send(new CreateThingCommand(thing)).catch(failed);
      const trust = { Statement: { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }, Id: "x".repeat(1900) };
      const role = { RoleName: "more", AssumeRolePolicyDocument: JSON.stringify(trust) };
      await new IAMClient(options).send(new CreateRoleCommand(role)).catch(failed);
      await aws.seed({ thingName: "seeded", roleAlias: "alias", keyType: "EC-P256" }).catch(failed);
      console.log(JSON.stringify({ kept, failures }));
      await aws.close();`;
    const { stdout, stderr } = runLimited(program);
    expect(stderr).not.toContain('Error');
    const { kept, failures } = JSON.parse(stdout) as { kept: string[]; failures: unknown[] };
    expect(failures).toEqual([
      'ServiceUnavailableException',
      ['ServiceUnavailableException', 503],
      ['ServiceUnavailable', 503],
      'ServiceUnavailableException',
    ]);
    const aws = await startEmulator({ dir });
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.filter((name) => !hasThing(aws, name))).toEqual([]);
    expect(hasThing(aws, 'seeded')).toBe(false);
    await aws.close();
  });
});
