import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  watch,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import type { Thing } from '../../src/state/records.ts';
import { openStore, type Store } from '../../src/state/store.ts';
import { often } from '../support/often.ts';
import {
  BUILT,
  hasThing,
  MAIN,
  makeThings,
  runLimited,
  runOnSmallDisk,
} from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-durability-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));

describe('the state in a folder', () => {
  const thing = (thingName: string): Thing => ({
    thingName,
    thingId: thingName,
    version: 1,
    attributes: {},
  });

  /** What a killed process has acknowledged. The last line may be incomplete. */
  const expectKept = async (dir: string, printed: readonly string[]) => {
    const lines = printed.filter((line) => line.endsWith(';')).map((line) => line.slice(0, -1));
    const aws = await startEmulator({ dir });
    const lost = lines.filter((line) => !hasThing(aws, line.split(' ')[0] ?? ''));
    const version = Number(lines.at(-1)?.split(' ')[1] ?? 1);
    expect(aws.iot.describeThing({ thingName: 'changed' }).version).toBeGreaterThanOrEqual(version);
    await aws.close();
    expect(lost).toEqual([]);
    expect(readdirSync(dir).sort()).toEqual(['account.json', 'ca.pem', 'records.jsonl']);
  };

  it('loses no acknowledged change if the process is killed at any of 2,000', async () => {
    const dir = newFolder();
    const printed: string[] = [];
    const total = often(2000) / 2;
    for (let round = 0; printed.length < total; round++) {
      const child = makeThings(dir, `round${round}`);
      const lines = createInterface({ input: child.stdout ?? process.stdin });
      const end = printed.length + 1 + Math.random() * 120;
      lines.on('line', (line) => {
        printed.push(line);
        if (printed.length > end) child.kill('SIGKILL');
      });
      await Promise.all([once(child, 'exit'), once(lines, 'close')]);
      await expectKept(dir, printed);
    }
  });

  it('loses no acknowledged change if the process is killed while it compacts', async () => {
    const dir = newFolder();
    const first = await startEmulator({ dir });
    const value = 'x'.repeat(800);
    first.iot.createThing({
      thingName: 'changed',
      attributes: { a: value, b: value, c: value },
    });
    await first.close();
    const record = { ...thing('one'), attributes: { a: 'x'.repeat(2000) } };
    for (let round = 0; round < often(5); round++) {
      // Much longer than its content, which takes a while to write.
      const old = Array.from({ length: 3000 }, () => JSON.stringify([['things', 'one', record]]));
      const content = Array.from({ length: 2000 }, (_, i) =>
        JSON.stringify([
          ['things', `kept-${round}-${i}`, { ...record, thingName: `kept-${round}-${i}` }],
        ]),
      );
      appendFileSync(join(dir, 'records.jsonl'), `${[...old, ...content].join('\n')}\n`);
      const watcher = watch(dir);
      const child = makeThings(dir, `round${round}`);
      watcher.on('change', (_event, name) => {
        if (/^records\.jsonl\..*\.tmp$/.test(String(name))) {
          setTimeout(() => child.kill('SIGKILL'), Math.random() * 50);
        }
      });
      const printed: string[] = [];
      createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) =>
        printed.push(line),
      );
      await once(child, 'close');
      watcher.close();
      const kept = Array.from({ length: 2000 }, (_, i) => `kept-${round}-${i} 1;`);
      await expectKept(dir, [...kept, ...printed]);
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
      { numRuns: often(50) },
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
    for (let i = 0; i < 500; i++) {
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

describe('on a small disk', () => {
  /** Starts an emulator, creates things as long as there is room, and does so again after some room was made. */
  const program = (dir: string) => `
    import { rmSync, writeFileSync } from 'node:fs';
    import { startEmulator } from ${JSON.stringify(BUILT)};
    const attributes = { filler: 'x'.repeat(800) };
    const dir = ${JSON.stringify(dir)};
    const has = (aws, thingName) => {
      try { return aws.iot.describeThing({ thingName }) !== undefined; } catch { return false; }
    };
    const fill = async (aws, prefix) => {
      const kept = [];
      for (let i = 0; ; i++) {
        try {
          kept.push(aws.iot.createThing({ thingName: prefix + i, attributes }).thingName);
        } catch (error) {
          return { kept, error: error.message, isThere: has(aws, prefix + i) };
        }
        if (i % 10 === 0) await new Promise(setImmediate);
      }
    };
    const said = {};
    try {
      const aws = await startEmulator({ dir });
      writeFileSync(dir + '/filler', Buffer.alloc(40_000));
      said.first = await fill(aws, 'first');
      said.seed = await aws.seed({ thingName: 'seeded', roleAlias: 'a', keyType: 'EC-P256' })
        .then(() => 'done', (error) => error.message);
      rmSync(dir + '/filler');
      said.second = await fill(aws, 'second');
      await aws.close();
      rmSync(dir + '/running.json', { force: true });
      const again = await startEmulator({ dir }).catch((error) => (said.start = error.message, undefined));
      if (again) {
        const seeded = said.seed === 'done' ? ['seeded'] : [];
        const names = [...said.first.kept, ...seeded, ...said.second.kept];
        said.lost = names.filter((name) => !has(again, name));
        said.more = again.iot.listThings().length - names.length;
        await again.close();
      }
    } catch (error) {
      said.start = error.message;
    }
    console.log(JSON.stringify(said));`;

  interface Filled {
    readonly kept: string[];
    readonly error: string;
    readonly isThere: boolean;
  }

  it('loses nothing that was acknowledged, says what is wrong, and goes on when there is room', () => {
    const dir = newFolder();
    mkdirSync(dir);
    const { stdout, stderr } = runOnSmallDisk(dir, 400, program(dir));
    expect(stderr).toBe('');
    const said = JSON.parse(stdout) as { first: Filled; second: Filled } & Record<string, unknown>;
    for (const { kept, error, isThere } of [said.first, said.second]) {
      expect(kept.length).toBeGreaterThan(10);
      expect(error).toBe('cannot store a change: ENOSPC: no space left on device, write');
      expect(isThere).toBe(false);
    }
    // A compaction that failed may have left room.
    expect(['done', said.first.error]).toContain(said.seed);
    // A full disk has no room for the lock either.
    expect(said.start ?? said.lost).toEqual(
      said.start === undefined ? [] : expect.stringMatching(/^cannot use [^\n]*: ENOSPC[^\n]*$/),
    );
    expect(said.more ?? 0).toBe(0);
  });

  it.each([0, 8])('of %i KiB an emulator starts, or says why not', (kilobytes) => {
    const dir = newFolder();
    mkdirSync(dir);
    // No size is no limit: the smallest disk is full before.
    const fill = kilobytes === 0 ? `writeFileSync(${JSON.stringify(dir)} + '/filler', '1');` : '';
    const { stdout } = runOnSmallDisk(
      dir,
      Math.max(kilobytes, 4),
      `import { readdirSync, writeFileSync } from 'node:fs';
       import { startEmulator } from ${JSON.stringify(BUILT)};
       ${fill}
       try { await (await startEmulator({ dir: ${JSON.stringify(dir)} })).close(); console.log('ok'); }
       catch (error) { console.log(error.code + ' ' + error.message); }
       console.log(readdirSync(${JSON.stringify(dir)}).join());`,
    );
    const [said, left] = stdout.split('\n');
    expect(said).toMatch(/^ok$|^ERR_DIR cannot use [^\n]*: ENOSPC/);
    expect(left).not.toMatch(/tmp|sock|running/);
  });

  it('without room for a key, seed leaves no file of the thing', () => {
    const dir = newFolder();
    mkdirSync(dir);
    const { stdout } = runOnSmallDisk(
      dir,
      16,
      `import { spawnSync } from 'node:child_process';
       import { readdirSync } from 'node:fs';
       const seed = [${JSON.stringify(MAIN)}, 'seed', '--dir', ${JSON.stringify(dir)}, '--thing', 't', '--role-alias', 'a'];
       const { stderr } = spawnSync(process.execPath, seed, { encoding: 'utf8' });
       console.log(JSON.stringify([stderr, readdirSync(${JSON.stringify(dir)})]));`,
    );
    const [stderr, left] = JSON.parse(stdout) as [string, string[]];
    expect(stderr).toMatch(/^[^\n]*: error: cannot write into [^\n]*: ENOSPC[^\n]*\n$/);
    expect(left.sort()).toEqual(['account.json', 'ca.pem', 'records.jsonl']);
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
