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
    ['a seed without names', () => emulator.seed({} as never), 'InvalidRequestException'],
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
  ])('refuse %s', async (_name, run, code) => {
    expect((await errorOf(run)).code).toBe(code);
  });
});
