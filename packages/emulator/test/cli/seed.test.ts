import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/index.ts';
import { often } from '../support/often.ts';
import { hasThing, MAIN } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-seed-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));

/** Runs `seed` in a process. */
function seedProcess(dir: string, thing: string) {
  const args = ['seed', '--dir', dir, '--thing', thing, '--role-alias', 'alias'];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const done = once(child, 'close').then(([status]) => ({ status: status as number, stderr }));
  return { child, done };
}

/** Asks a running emulator for what `seed` asks it for. */
async function seedIn(aws: Emulator, thingName: string): Promise<{ message?: string }> {
  const response = await fetch(`${aws.apiEndpoint}/_emulator/seed-files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${aws.controlToken}` },
    body: JSON.stringify({ thingName, roleAlias: 'alias' }),
  });
  return (await response.json()) as { message?: string };
}

/** A thing is whole: its files belong together, and its certificate is registered and attached. */
function expectWhole(aws: Emulator, dir: string, thingName: string): void {
  const certificate = new X509Certificate(readFileSync(join(dir, `${thingName}-cert.pem`)));
  const key = createPrivateKey(readFileSync(join(dir, `${thingName}-key.pem`)));
  expect(certificate.checkPrivateKey(key)).toBe(true);
  const id = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  expect(aws.iot.describeCertificate({ certificateId: id }).status).toBe('ACTIVE');
  const principals = aws.iot.listThingPrincipals({ thingName });
  expect(principals.map((arn) => arn.split('/')[1])).toEqual([id]);
  expect(aws.iot.listAttachedPolicies({ target: principals[0] ?? '' })).toEqual(['alias-policy']);
}

const temporaries = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.tmp'));

describe('seed', () => {
  it.each(['while the emulator runs', 'without one'])(
    'of one thing twice at once, %s, creates it once',
    async (when) => {
      const dir = newFolder();
      const aws = when === 'without one' ? undefined : await startEmulator({ dir });
      const things = ['one', 'one', ...Array.from({ length: often(8) - 2 }, (_, i) => `more-${i}`)];
      const ended = await Promise.all(things.map((thing) => seedProcess(dir, thing).done));
      expect(
        ended
          .slice(0, 2)
          .map(({ status }) => status)
          .sort(),
      ).toEqual([0, 1]);
      expect(ended.map(({ stderr }) => stderr).join('')).toMatch(
        /^awsiot-credentialhelper-emulator: error: [^\n]* already exists; it was not overwritten\n$/,
      );
      const check = aws ?? (await startEmulator({ dir }));
      for (const thing of new Set(things)) expectWhole(check, dir, thing);
      expect(check.iot.listCertificates()).toHaveLength(new Set(things).size);
      expect(temporaries(dir)).toEqual([]);
      await check.close();
    },
  );

  it('in one process of one thing twice at once creates it once', async () => {
    const aws = await startEmulator();
    const input = { thingName: 'one', roleAlias: 'alias', keyType: 'EC-P256' } as const;
    const ended = await Promise.allSettled([aws.seed(input), aws.seed(input)]);
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ended.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'ResourceAlreadyExistsException' },
    });
    expect(aws.iot.listCertificates()).toHaveLength(1);
    await aws.close();
  });

  it('that is killed at any time can be run again', async () => {
    for (let round = 0; round < often(15); round++) {
      const dir = newFolder();
      const { child, done } = seedProcess(dir, 'thing');
      const timer = setTimeout(() => child.kill('SIGKILL'), 300 + Math.random() * 1000);
      await done;
      clearTimeout(timer);
      const aws = await startEmulator({ dir });
      const { message } = await seedIn(aws, 'thing');
      if (message !== undefined) expect(message).toMatch(/already exists/);
      expectWhole(aws, dir, 'thing');
      expect(aws.iot.listCertificates()).toHaveLength(1);
      expect(temporaries(dir)).toEqual([]);
      await aws.close();
    }
  });

  it('with a stopped emulator says so', async () => {
    const dir = newFolder();
    const args = [MAIN, 'start', '--dir', dir];
    const emulator = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(emulator.stdout, 'data');
    emulator.kill('SIGSTOP');
    const { status, stderr } = await seedProcess(dir, 'thing').done;
    emulator.kill('SIGKILL');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`error: \\S+ is in use by process ${emulator.pid}, which is stopped [^\\n]*\\n$`),
    );
  });
});

describe('the files of seed', () => {
  const begin = async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    return { dir, aws, file: (name: string) => join(dir, name) };
  };

  it.each<[string, (file: string) => void]>([
    ['files', (file) => writeFileSync(file, 'not ours')],
    ['folders', (file) => mkdirSync(file)],
    ['broken symbolic links', (file) => symlinkSync('/no/such/file', file)],
  ])('are not written over %s of others, and nothing is created', async (_what, create) => {
    const { dir, aws, file } = await begin();
    for (const name of ['thing-cert.pem', 'thing-key.pem']) {
      create(file(name));
      const before = readdirSync(dir);
      expect(await seedIn(aws, 'thing')).toEqual({
        code: 'ERR_FILE',
        message: `${file(name)} already exists; it was not overwritten`,
      });
      expect(readdirSync(dir)).toEqual(before);
      expect(hasThing(aws, 'thing')).toBe(false);
      expect([...aws.iot.listCertificates(), ...aws.iot.listPolicies()]).toEqual([]);
      rmSync(file(name), { recursive: true });
    }
    await seedIn(aws, 'thing');
    expectWhole(aws, dir, 'thing');
    await aws.close();
  });

  const unregistered = '0123456789abcdef';

  it('that a killed process left are removed before its certificate is registered', async () => {
    const { dir, aws, file } = await begin();
    for (const name of ['thing-cert.pem', 'thing-key.pem', 'other-key.pem']) {
      writeFileSync(file(`${name}.${unregistered}.tmp`), 'unfinished');
      linkSync(file(`${name}.${unregistered}.tmp`), file(name));
    }
    writeFileSync(file(`third-key.pem.${unregistered}.tmp`), 'unfinished');
    writeFileSync(file('third-key.pem'), 'not ours');
    await seedIn(aws, 'thing');
    expectWhole(aws, dir, 'thing');
    expect(temporaries(dir)).toEqual([]);
    expect(readdirSync(dir)).not.toContain('other-key.pem');
    expect(readFileSync(file('third-key.pem'), 'utf8')).toBe('not ours');
    await aws.close();
  });

  it('that a killed process left are kept once its certificate is registered', async () => {
    const { dir, aws, file } = await begin();
    await seedIn(aws, 'thing');
    const [id = ''] = aws.iot.listCertificates();
    for (const name of ['thing-cert.pem', 'thing-key.pem']) {
      linkSync(file(name), file(`${name}.${id.slice(0, 16)}.tmp`));
    }
    expect((await seedIn(aws, 'thing')).message).toMatch(/already exists/);
    expect(temporaries(dir)).toEqual([]);
    expectWhole(aws, dir, 'thing');
    await aws.close();
  });

  it('need a folder', async () => {
    const aws = await startEmulator();
    expect(await seedIn(aws, 'thing')).toEqual({
      code: 'ERR_DIR',
      message: 'the emulator has no folder',
    });
    await aws.close();
  });
});
