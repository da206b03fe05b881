import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/index.ts';
import { hasThing } from '../support/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'emulator-journal-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newFolder = () => join(root, String(++count));
const journalOf = (dir: string) => join(dir, 'records.jsonl');

describe('a change', () => {
  const names = Array.from({ length: 100 }, (_, i) => `name-${100 + i}`);
  const issue = (aws: Emulator) => aws.iot.createKeysAndCertificate({ keyType: 'EC-P256' });

  it.each<[string, (aws: Emulator) => Promise<(name: string) => void>]>([
    [
      'things on a certificate',
      async (aws) => {
        const { certificateArn: principal } = await issue(aws);
        for (const thingName of names) aws.iot.createThing({ thingName });
        return (thingName) => aws.iot.attachThingPrincipal({ thingName, principal });
      },
    ],
    [
      'things in a group',
      async (aws) => {
        aws.iot.createThingGroup({ thingGroupName: 'group' });
        for (const thingName of names) aws.iot.createThing({ thingName });
        return (thingName) => aws.iot.addThingToThingGroup({ thingName, thingGroupName: 'group' });
      },
    ],
    [
      'groups with a policy',
      async (aws) => {
        const policyDocument = JSON.stringify({
          Version: '2012-10-17',
          Statement: { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' },
        });
        aws.iot.createPolicy({ policyName: 'policy', policyDocument });
        const targets = new Map(
          names.map((name) => [name, aws.iot.createThingGroup({ thingGroupName: name })]),
        );
        return (name) => {
          const target = targets.get(name)?.thingGroupArn ?? '';
          aws.iot.attachPolicy({ policyName: 'policy', target });
        };
      },
    ],
    [
      'groups below a group',
      async (aws) => {
        aws.iot.createThingGroup({ thingGroupName: 'above' });
        return (thingGroupName) =>
          aws.iot.createThingGroup({ thingGroupName, parentGroupName: 'above' });
      },
    ],
  ])('is as long with a hundred %s as with one', async (_what, prepare) => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    const change = await prepare(aws);
    const lengths = names.map((name) => {
      const before = statSync(journalOf(dir)).size;
      change(name);
      return statSync(journalOf(dir)).size - before;
    });
    expect(new Set(lengths).size).toBe(1);
    expect(lengths[0]).toBeGreaterThan(0);
    // Once more: nothing is stored.
    const before = statSync(journalOf(dir)).size;
    change(names[0] ?? '');
    expect(statSync(journalOf(dir)).size).toBe(before);
    await aws.close();
  });
});

describe('a folder of the first format', () => {
  const [shared, second] = [
    'f9a8fb019cb7a5395bd3be11de90e694fcab495e9524bf025f3681d84f0bf893',
    '39659bf6993e94fa49b68aed5a35aec79a448ce290fca0f243b2c2ce2e9e8294',
  ];
  /** A folder as it was then: the journal is one that was written then. */
  const oldFolder = async () => {
    const dir = newFolder();
    await (await startEmulator({ dir })).close();
    const account = join(dir, 'account.json');
    writeFileSync(account, readFileSync(account, 'utf8').replace('"version": 2', '"version": 1'));
    copyFileSync(
      fileURLToPath(new URL('version-1/records.jsonl', import.meta.url)),
      journalOf(dir),
    );
    return dir;
  };
  const check = ({ iot, region, accountId }: Emulator) => {
    const arn = (resource: string) => `arn:aws:iot:${region}:${accountId}:${resource}`;
    expect(iot.listThings()).toEqual(['thing-1', 'thing-2']);
    expect(iot.listThingPrincipals({ thingName: 'thing-1' })).toEqual([arn(`cert/${shared}`)]);
    expect(iot.listThingPrincipals({ thingName: 'thing-2' })).toEqual([
      arn(`cert/${second}`),
      arn(`cert/${shared}`),
    ]);
    expect(iot.listThingsInThingGroup({ thingGroupName: 'part' })).toEqual(['thing-1']);
    expect(iot.describeThingGroup({ thingGroupName: 'part' }).rootToParent).toEqual(['fleet']);
    expect(iot.listTargetsForPolicy({ policyName: 'alias-policy' })).toEqual([
      expect.stringMatching(/:cert\/308223605e42/),
      arn(`cert/${shared}`),
      arn('thinggroup/fleet'),
    ]);
    expect(iot.listAttachedPolicies({ target: arn(`cert/${second}`) })).toEqual([]);
    expect(iot.describeCertificate({ certificateId: second })).not.toHaveProperty('thingNames');
  };

  it('is opened with all it has, and kept in the new one', async () => {
    const dir = await oldFolder();
    for (let start = 0; start < 2; start++) {
      const aws = await startEmulator({ dir });
      check(aws);
      await aws.close();
    }
    expect(readFileSync(join(dir, 'account.json'), 'utf8')).toContain('"version": 2');
    expect(readFileSync(journalOf(dir), 'utf8')).toMatch(/^{"version":2}\n/);
  });

  it('is opened after a crash between its two files, and after one before its journal', async () => {
    const dir = await oldFolder();
    const account = readFileSync(join(dir, 'account.json'));
    await (await startEmulator({ dir })).close();
    writeFileSync(join(dir, 'account.json'), account);
    const aws = await startEmulator({ dir });
    check(aws);
    await aws.close();
    const empty = await oldFolder();
    rmSync(journalOf(empty));
    await (await startEmulator({ dir: empty })).close();
  });

  it('is rejected if it is damaged', async () => {
    const dir = await oldFolder();
    appendFileSync(journalOf(dir), '[["things"]]\n');
    await expect(startEmulator({ dir })).rejects.toThrow('records.jsonl is damaged');
  });
});

describe('a long journal', () => {
  const description = 'é\u2028'.repeat(1000);

  it('is read in pieces, also within a character', async () => {
    const dir = newFolder();
    const first = await startEmulator({ dir });
    const thingTypeNames = Array.from({ length: 60 }, (_, i) => `type-${i}`);
    for (const thingTypeName of thingTypeNames) {
      first.iot.createThingType({ thingTypeName, description });
    }
    await first.close();
    expect(statSync(journalOf(dir)).size).toBeGreaterThan(256 * 1024);
    const second = await startEmulator({ dir });
    for (const thingTypeName of thingTypeNames) {
      expect(second.iot.describeThingType({ thingTypeName }).description).toBe(description);
    }
    await second.close();
  });

  it('is compacted while the emulator runs, with the changes that are made meanwhile', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    const thing = { thingName: 'often', attributes: { a: 'x'.repeat(800) } };
    aws.iot.createThing(thing);
    const types: string[] = [];
    const size = () => statSync(journalOf(dir)).size;
    let last = 0;
    let compactions = 0;
    for (let i = 0; i < 1000; i++) {
      aws.iot.updateThing({ ...thing, merge: i % 2 === 0 });
      if (i % 10 === 0) {
        types.push(aws.iot.createThingType({ thingTypeName: `type-${i}` }).thingTypeName);
        await setImmediate();
      }
      if (size() < last) compactions++;
      last = size();
    }
    await expect.poll(size, { timeout: 10_000 }).toBeLessThan(400 * 1024);
    expect(compactions).toBeGreaterThan(0);
    await aws.close();
    const again = await startEmulator({ dir });
    expect(again.iot.describeThing(thing).version).toBe(1001);
    for (const thingTypeName of types) again.iot.describeThingType({ thingTypeName });
    await again.close();
    expect(readdirSync(dir).sort()).toEqual(['account.json', 'ca.pem', 'records.jsonl']);
  });
});

describe('a journal that another program', () => {
  it.each<[string, (file: string) => void, RegExp]>([
    ['removes', (file) => rmSync(file), /records\.jsonl is missing/],
    ['empties', (file) => truncateSync(file), /records\.jsonl is damaged/],
    ['moves', (file) => renameSync(file, `${file}.moved`), /records\.jsonl is missing/],
    [
      'replaces',
      (file) => {
        copyFileSync(file, `${file}.copy`);
        renameSync(`${file}.copy`, file);
      },
      /^$/,
    ],
    ['writes to', (file) => appendFileSync(file, 'x\n'), /records\.jsonl is damaged/],
  ])('%s underneath takes no more changes', async (_what, disturb, atStart) => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    aws.iot.createThing({ thingName: 'before' });
    disturb(journalOf(dir));
    for (const thingName of ['after', 'again']) {
      expect(() => aws.iot.createThing({ thingName })).toThrow(
        /^cannot store a change: .*records\.jsonl was removed or changed by another program; restart/,
      );
      expect(hasThing(aws, thingName)).toBe(false);
    }
    expect(hasThing(aws, 'before')).toBe(true);
    await aws.close();
    const message = await startEmulator({ dir }).then(
      async (again) => {
        expect(['before', 'after'].map((name) => hasThing(again, name))).toEqual([true, false]);
        await again.close();
        return '';
      },
      (error: Error) => error.message,
    );
    expect(message).toMatch(atStart);
  });

  it('leaves without an account is not taken for a new one', async () => {
    const dir = newFolder();
    const aws = await startEmulator({ dir });
    aws.iot.createThing({ thingName: 'kept' });
    await aws.close();
    renameSync(join(dir, 'account.json'), join(root, 'account.json'));
    await expect(startEmulator({ dir })).rejects.toThrow('account.json is missing');
    expect(existsSync(join(dir, 'account.json'))).toBe(false);
    mkdirSync(join(dir, 'account.json'));
    await expect(startEmulator({ dir })).rejects.toThrow('cannot read');
  });
});
