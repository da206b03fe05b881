import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/index.ts';
import type { Thing } from '../../src/state/records.ts';
import { openStore, type Store } from '../../src/state/store.ts';

const BUILT = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'emulator-durability-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));

/** A process that makes things without end, and says each one's name once it has been acknowledged. */
function makeThings(dir: string, prefix: string): ChildProcess {
  const program = `
    import { startEmulator } from ${JSON.stringify(BUILT)};
    const aws = await startEmulator({ dir: ${JSON.stringify(dir)} });
    for (let i = 0; ; i++) {
      const { thingName } = await aws.iot.createThing({ thingName: '${prefix}-' + i });
      process.stdout.write(thingName + ';\\n');
      if (i % 20 === 0) await new Promise(setImmediate);
    }`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function has(aws: Emulator, thingName: string): boolean {
  try {
    return aws.iot.describeThing({ thingName }).thingName === thingName;
  } catch {
    return false;
  }
}

describe('the state in a folder', () => {
  it('loses nothing acknowledged when the process is killed, at any instant', async () => {
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
      // The last name may have been cut off on its way out.
      const names = acknowledged
        .filter((line) => line.endsWith(';'))
        .map((line) => line.slice(0, -1));
      const lost = names.filter((name) => !has(aws, name));
      await aws.close();
      expect(lost).toEqual([]);
      expect(names.length).toBeGreaterThan(round);
    }
  });

  it('comes back without what a crash left of a last line', async () => {
    const dir = newFolder();
    const first = await startEmulator({ dir });
    await first.iot.createThing({ thingName: 'whole' });
    await first.close();
    appendFileSync(join(dir, 'records.jsonl'), '[["things","torn",{"thingNa');
    const second = await startEmulator({ dir });
    expect(['whole', 'torn'].map((name) => has(second, name))).toEqual([true, false]);
    await second.iot.createThing({ thingName: 'after' });
    await second.close();
    const third = await startEmulator({ dir });
    expect(['whole', 'after'].map((name) => has(third, name))).toEqual([true, true]);
    await third.close();
  });

  const thing = (thingName: string): Thing => ({
    thingName,
    thingId: thingName,
    version: 1,
    attributes: {},
    certificateIds: [],
    thingGroupNames: [],
  });

  it('makes the changes of a batch all or none', async () => {
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
    store.close();
    const reopened = await openStore(options);
    expect(reopened.state.things).toEqual({ kept: thing('kept'), later: thing('later') });
    reopened.close();
  });

  it('is the same after a restart, whatever was done', async () => {
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
          store.close();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('refuses a file that is damaged within', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    await aws.close();
    appendFileSync(join(dir, 'records.jsonl'), 'nonsense\n');
    await expect(startEmulator({ dir })).rejects.toThrow('records.jsonl is damaged');
    // Nothing is held after that.
    expect(existsSync(join(dir, 'running.json'))).toBe(false);
  });

  it('does not grow without end', async () => {
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

  it('belongs to one process at a time, and is taken over from one that has died', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    await expect(startEmulator({ dir })).rejects.toThrow(/is in use by process \d+/);
    expect(statSync(join(dir, 'running.json')).mode & 0o777).toBe(0o600);
    await aws.close();
    const child = makeThings(dir, 'dying');
    await once(createInterface({ input: child.stdout ?? process.stdin }), 'line');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await startEmulator({ dir })).close();
  });
});

it('takes over a folder from a process that had the same id, as in a container', async () => {
  const dir = newFolder();
  await (await startEmulator({ dir })).close();
  writeFileSync(join(dir, 'running.json'), JSON.stringify({ pid: process.pid }));
  const aws = await startEmulator({ dir });
  await expect(startEmulator({ dir })).rejects.toThrow('is in use by process');
  await aws.close();
});

it('is not shared by two that took it over at the same instant', async () => {
  const dir = newFolder();
  await (await startEmulator({ dir })).close();
  const file = join(dir, 'running.json');
  const starting = startEmulator({ dir });
  // The other one: a process that is alive.
  writeFileSync(file, JSON.stringify({ pid: process.ppid }));
  await expect(starting).rejects.toThrow(`is in use by process ${process.ppid}`);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ pid: process.ppid });
});

describe('seed while the emulator runs', () => {
  it('is done by the running one', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    const child = spawn(
      process.execPath,
      [MAIN, 'seed', '--dir', dir, '--thing', 'late', '--role-alias', 'late'],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const [status] = await once(child, 'exit');
    expect(status).toBe(0);
    expect(has(aws, 'late')).toBe(true);
    expect(readFileSync(join(dir, 'late-key.pem'), 'utf8')).toContain('BEGIN RSA PRIVATE KEY');
    await aws.close();
  });
});

describe('where nothing more can be written', () => {
  /** Runs a program whose files may have 64 KiB at most: to a process that is what a full disk looks like. */
  const runLimited = (program: string) => {
    const shell = `ulimit -f 64; trap '' XFSZ; exec "$@"`;
    const command = [process.execPath, '--input-type=module', '--eval', program];
    const options = { encoding: 'utf8', timeout: 60_000 } as const;
    return spawnSync('bash', ['-c', shell, 'bash', ...command], options);
  };

  it('says so in the way of each API, keeps what was acknowledged, and starts again', async () => {
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
      const trust = { Statement: { Effect: "Allow", Principal: { AWS: "1" }, Action: "sts:AssumeRole" }, Id: "x".repeat(2000) };
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
    expect(kept.filter((name) => !has(aws, name))).toEqual([]);
    expect(has(aws, 'seeded')).toBe(false);
    await aws.close();
  });

  it('goes on without its log, and says so once', () => {
    const log = join(root, 'full.jsonl');
    writeFileSync(log, 'x'.repeat(64 * 1024));
    const { stdout, stderr } = runLimited(`
      import { startEmulator } from "${BUILT}";
      const aws = await startEmulator({ logFile: "${log}" });
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await fetch(aws.apiEndpoint)).status);
      console.log(statuses.join(), aws.requests.latest.length);
      await aws.close();`);
    expect(stdout).toBe('403,403,403 3\n');
    expect(
      stderr.match(/Warning: requests are not logged to .*full\.jsonl any more/g),
    ).toHaveLength(1);
  });
});

describe('the request log', () => {
  it('has a line of JSON for each request, and no secret', async () => {
    const logFile = join(root, 'requests.jsonl');
    const aws = await startEmulator({ logFile });
    await fetch(aws.apiEndpoint, { headers: { authorization: 'secret-of-the-header' } });
    await aws.close();
    const lines = readFileSync(logFile, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ endpoint: 'api', method: 'GET', path: '/' }),
    ]);
    expect(lines.join()).not.toContain('secret-of-the-header');
    expect(statSync(logFile).mode & 0o777).toBe(0o600);
  });
});
