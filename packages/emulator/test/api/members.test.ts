import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import * as sts from '@aws-sdk/client-sts';
import { NormalizedSchema } from '@smithy/core/schema';
import { afterAll, describe, expect, it } from 'vitest';
import { IAM } from '../../src/api/iam/iam.ts';
import { IOT } from '../../src/api/iot/iot.ts';
import type { Checks } from '../../src/api/protocol/members.ts';
import { STS } from '../../src/api/sts/sts.ts';
import { startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';

// The members of each emulated operation in AWS's API models: one that the operation declares is used or kept, any
// other is refused by name.

const emulator = await startEmulator();
const sdk = openSdk(emulator);
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

type Model = Readonly<Record<string, unknown>>;
interface Sender {
  send(command: unknown): Promise<unknown>;
}

const SERVICES = [
  { name: 'iot', service: IOT, model: iot as Model, client: sdk.things as unknown as Sender },
  { name: 'iam', service: IAM, model: iam as Model, client: sdk.roles as unknown as Sender },
  { name: 'sts', service: STS, model: sts as Model, client: sdk.tokens as unknown as Sender },
];

/** The input of an operation in the model. */
function inputOf(model: Model, operation: string): NormalizedSchema {
  const schema = model[`${operation}$`];
  expect(schema, operation).toBeDefined();
  return NormalizedSchema.of((schema as readonly unknown[])[4] as never);
}

/** A value of a member. */
function sample(schema: NormalizedSchema): unknown {
  if (schema.isBooleanSchema()) return true;
  if (schema.isNumericSchema()) return 1;
  if (schema.isListSchema()) return [sample(schema.getValueSchema())];
  if (schema.isMapSchema()) return { name: sample(schema.getValueSchema()) };
  if (!schema.isStructSchema()) return 'sample';
  return Object.fromEntries([...schema.structIterator()].map(([key, one]) => [key, sample(one)]));
}

/** The structure of a member: its own, or that of the items of a list. */
function structureOf(schema: NormalizedSchema): NormalizedSchema | undefined {
  if (schema.isStructSchema()) return schema;
  return schema.isListSchema() ? structureOf(schema.getValueSchema()) : undefined;
}

interface Found {
  readonly path: string;
  readonly isDeclared: boolean;
  /** Puts a value of the member into an input. */
  readonly input: unknown;
}

function* walk(
  schema: NormalizedSchema,
  declared: Checks,
  prefix = '',
  place: (value: unknown) => unknown = (value) => value,
): Generator<Found> {
  for (const [name, member] of schema.structIterator()) {
    const path = `${prefix}${name}`;
    const check = Object.hasOwn(declared, name) ? declared[name] : undefined;
    yield { path, isDeclared: check !== undefined, input: place({ [name]: sample(member) }) };
    const below = structureOf(member);
    if (check?.members === undefined || below === undefined) continue;
    const inside = (value: unknown) => (member.isListSchema() ? [value] : value);
    yield* walk(below, check.members, `${path}.`, (value) => place({ [name]: inside(value) }));
  }
}

const OPERATIONS = SERVICES.flatMap(({ name, service, model, client }) =>
  Object.entries(service.inputs).map(([operation, declared]) => {
    const schema = inputOf(model, operation);
    return { name: `${name} ${operation}`, operation, model, client, schema, declared };
  }),
);

describe('members of operations', () => {
  it.each(OPERATIONS)('$name declares only members of the model', ({ schema, declared }) => {
    const names = [...schema.structIterator()].map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(declared)));
  });

  const refused = OPERATIONS.flatMap((one) =>
    [...walk(one.schema, one.declared)]
      .filter(({ isDeclared }) => !isDeclared)
      .map(({ path, input }) => ({ ...one, path, input })),
  );

  it('include some that are refused', () => {
    expect(refused.map(({ name, path }) => `${name} ${path}`)).toEqual(
      expect.arrayContaining([
        'iot CreateThing billingGroupName',
        'iot CreateThingType thingTypeProperties.mqtt5Configuration',
        'iam CreateRole PermissionsBoundary',
        'sts AssumeRole Policy',
      ]),
    );
  });

  it.each(refused)('$name refuses $path by name', async (one) => {
    const required = [...one.schema.structIterator()].filter(
      ([, member]) => member.getMergedTraits().httpLabel,
    );
    const labels = Object.fromEntries(required.map(([name]) => [name, 'label']));
    const Command = one.model[`${one.operation}Command`] as new (input: unknown) => unknown;
    const sent = one.client.send(new Command({ ...labels, ...(one.input as object) }));
    const last = one.path.split('.').at(-1);
    await expect(sent).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`^not emulated: [\\w.]*\\b${last}$`)),
      $metadata: { httpStatusCode: 400 },
    });
  });
});
