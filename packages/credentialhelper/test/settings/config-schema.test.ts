import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfigFile } from '../../src/settings/config-file.ts';
import { CONFIG_MEMBERS } from '../../src/settings/config-members.ts';
import { configSchema } from '../../src/settings/config-schema.ts';
import { SETTINGS } from '../../src/settings/names.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const file = join(folder, 'settings.json');
const validate = new Ajv({ strict: true, strictTypes: false }).compile(configSchema());

async function isRead(values: unknown): Promise<boolean> {
  writeFileSync(file, JSON.stringify(values));
  try {
    await readConfigFile(file);
    return true;
  } catch (error) {
    expect((error as { code?: string }).code).toBe('ERR_INVALID_OPTION');
    return false;
  }
}

const text = fc.constantFrom('', 'a', 'text', '-----BEGIN', 'pkcs11:');
/** Values that some members accept, and values that none does. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom(true, false, null),
  fc.constantFrom(-1, 0, 1, 1.5, 999, 1000, 5000, 600_001, 4e6, 1e300),
  fc.array(fc.oneof(text, fc.constant(1)), { maxLength: 2 }),
  fc.dictionary(
    fc.constantFrom(
      'file',
      'environmentVariable',
      'systemdCredential',
      'fileDescriptor',
      'command',
      'node',
      'program',
      'other',
    ),
    fc.oneof(text, fc.constantFrom(0, 999, 1000, null), fc.array(text, { maxLength: 2 })),
    { maxKeys: 2 },
  ),
);
const namesOf = (prefix: string) =>
  [...CONFIG_MEMBERS.keys()].flatMap((option) =>
    option.startsWith('pkcs11.') === (prefix !== '') ? [option.slice(prefix.length)] : [],
  );
const object = (names: readonly string[], values: fc.Arbitrary<unknown>) =>
  fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 3 });
/** A value that a member accepts, mostly. */
const likely = (option: string): fc.Arbitrary<unknown> => {
  const { kind } = CONFIG_MEMBERS.get(option) as { kind: { accepts: (value: unknown) => boolean } };
  return fc.oneof(
    { weight: 60, arbitrary: value.filter(kind.accepts) },
    { weight: 1, arbitrary: value },
  );
};
const membersOf = (prefix: string) =>
  fc.record(Object.fromEntries(namesOf(prefix).map((name) => [name, likely(prefix + name)])), {
    requiredKeys: [],
  });
const pkcs11 = fc.oneof(
  { weight: 8, arbitrary: membersOf('pkcs11.') },
  { weight: 1, arbitrary: object([...namesOf('pkcs11.'), 'unknown'], value) },
  { weight: 1, arbitrary: value },
);
const session = fc
  .tuple(
    membersOf(''),
    object([...namesOf(''), 'unknown', 'keepFresh'], value),
    fc.option(pkcs11, { nil: undefined }),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([good, any, inToken, chance]) => ({
    ...good,
    ...(chance === 0 ? any : {}),
    ...(inToken === undefined ? {} : { pkcs11: inToken }),
  }));
const things = fc.oneof(
  fc.array(session, { maxLength: 3 }).map((all) =>
    // The names must differ, which a JSON Schema cannot say.
    all.map((thing, index) =>
      'thingName' in thing && thing.thingName !== '' && typeof thing.thingName === 'string'
        ? { ...thing, thingName: `thing-${index}` }
        : thing,
    ),
  ),
  value,
);
const config = fc
  .tuple(
    session,
    fc.option(things, { nil: undefined }),
    fc.constantFrom(undefined, undefined, undefined, 'schema.json', 'schema.json', 7),
  )
  .map(([members, list, schema]) => ({
    ...members,
    ...(list === undefined ? {} : { things: list }),
    ...(schema === undefined ? {} : { $schema: schema }),
  }));

describe('the JSON Schema of a file of settings', () => {
  it('accepts what its reader accepts, and nothing else', async () => {
    const counts = { true: 0, false: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 20, arbitrary: config }, { weight: 1, arbitrary: value }),
        async (values) => {
          const read = await isRead(values);
          counts[`${read}`]++;
          expect({ values, accepted: validate(JSON.parse(JSON.stringify(values))) }).toEqual({
            values,
            accepted: read,
          });
        },
      ),
      { numRuns: 1500 },
    );
    expect(Math.min(counts.true, counts.false)).toBeGreaterThan(100);
  });

  it('has each member on its own: accepted or not, by both', async () => {
    for (const [option, { kind }] of CONFIG_MEMBERS) {
      const [inner = '', outer] = option.split('.').toReversed();
      const accepted = { true: 0, false: 0 };
      for (const one of fc.sample(value, { numRuns: 300, seed: 1 })) {
        const values = outer === undefined ? { [inner]: one } : { [outer]: { [inner]: one } };
        expect([option, one, validate(values)]).toEqual([option, one, kind.accepts(one)]);
        accepted[`${kind.accepts(one)}`]++;
      }
      expect(Math.min(accepted.true, accepted.false), option).toBeGreaterThan(0);
    }
  });

  it('is published, with a description of each member', () => {
    const path = new URL('../../config.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(configSchema())),
    );
    for (const { option } of SETTINGS) expect([...CONFIG_MEMBERS.keys()]).toContain(option);
    for (const [option, { description }] of CONFIG_MEMBERS) expect(description).not.toBe(option);
  });

  it('accepts the examples of the documentation', () => {
    const page = readFileSync(new URL('../../../../docs/settings.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) =>
      parse(example),
    );
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      validate(example);
      expect(validate.errors ?? []).toEqual([]);
    }
  });
});
