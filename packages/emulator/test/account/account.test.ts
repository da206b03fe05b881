import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { errorOf } from '../support/errors.ts';

describe('the operations', async () => {
  const emulator = await startEmulator();
  afterAll(() => emulator.close());

  it.each<[string, () => unknown, string]>([
    [
      'a thing without a name',
      () => emulator.iot.createThing({} as never),
      'InvalidRequestException',
    ],
    ['a seed without a name', () => emulator.seed({ thingName: '' }), 'InvalidRequestException'],
    [
      'a kind of key that there is not',
      () => emulator.seed({ thingName: 't', roleAlias: 'r', keyType: 'RSA-1024' as never }),
      'InvalidRequestException',
    ],
    [
      'a policy without a document',
      () => emulator.iot.createPolicy({ policyName: 'p' } as never),
      'MalformedPolicyException',
    ],
    [
      'a lifetime that is no number',
      () => emulator.credentials.setLifetime('1' as never),
      'ERR_INVALID_OPTION',
    ],
    ...[-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e13, -1e300].map(
      (lifetimeMs): [string, () => unknown, string] => [
        `a lifetime of ${lifetimeMs}`,
        () => emulator.credentials.setLifetime(lifetimeMs),
        'ERR_INVALID_OPTION',
      ],
    ),
    ...[Number.NaN, Number.POSITIVE_INFINITY, 1e13, -1e300].map(
      (lifetimeMs): [string, () => unknown, string] => [
        `a fault with a lifetime of ${lifetimeMs}`,
        () => emulator.faults.add({ lifetimeMs }),
        'ERR_FAULT',
      ],
    ),
    ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 1e16].map(
      (time): [string, () => unknown, string] => [
        `a clock that returns ${time}`,
        () => startEmulator({ clock: { now: () => time } }),
        'ERR_INVALID_OPTION',
      ],
    ),
  ])('refuse %s', async (_name, run, code) => {
    expect((await errorOf(run)).code).toBe(code);
  });
});

describe('a folder', () => {
  it('can have documents that are refused today', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'emulator-earlier-'));
    const roleName = 'earlier';
    const trust = (member: string) =>
      `{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole",${member}}}`;
    const [today, earlier] = [trust('"Sid":"a"'), trust('"Resource":"*"')];
    try {
      const first = await startEmulator({ dir });
      first.iam.createRole({ roleName, assumeRolePolicyDocument: today });
      await first.close();
      const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
      for (const file of readdirSync(dir).map((name) => join(dir, name))) {
        const content = readFileSync(file, 'utf8');
        writeFileSync(file, content.replaceAll(inJson(today), inJson(earlier)));
      }
      const second = await startEmulator({ dir });
      second.iam.updateRole({ roleName, description: 'kept' });
      const role = second.iam.getRole({ roleName });
      expect(role).toMatchObject({ description: 'kept', assumeRolePolicyDocument: earlier });
      const change = { roleName, policyDocument: earlier };
      const error = await errorOf(() => second.iam.updateAssumeRolePolicy(change));
      expect(error.code).toBe('MalformedPolicyDocument');
      await second.close();
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
