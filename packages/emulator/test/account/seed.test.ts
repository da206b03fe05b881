import { createPrivateKey } from 'node:crypto';
import { fromIotCore } from 'awsiot-credentialhelper';
import { afterAll, expect, it } from 'vitest';
import { type Seed, type SeedInput, startEmulator } from '../../src/index.ts';

const aws = await startEmulator();
afterAll(() => aws.close());

/** Faster to generate than the default. */
const keyType = 'EC-P256';

/** The lifetime of credentials that a device gets, in seconds. */
async function lifetime({ thingName, roleAlias, ...pem }: Seed): Promise<number> {
  const device = { certificate: pem.certificatePem, privateKey: pem.privateKeyPem, ca: aws.ca };
  const endpoint = aws.credentialsEndpoint;
  const provide = fromIotCore({ ...device, endpoint, region: aws.region, thingName, roleAlias });
  const { expiration } = await provide();
  return Math.round(((expiration?.getTime() ?? 0) - Date.now()) / 1000);
}

it('seed needs no input, also several times, and its things get credentials for an hour', async () => {
  const seeds = [await aws.seed(), await aws.seed({}), await aws.seed()];
  expect(seeds.map(({ thingName, roleAlias }) => `${thingName} ${roleAlias}`)).toEqual([
    'my-thing my-alias',
    'my-thing-2 my-alias',
    'my-thing-3 my-alias',
  ]);
  for (const seed of seeds) expect(await lifetime(seed)).toBeCloseTo(3600, -1);
});

it.each([900, 3600, 43_200])('seed with durationSeconds %i', async (durationSeconds) => {
  const input = {
    roleAlias: `for-${durationSeconds}`,
    durationSeconds,
    keyType,
  } as const;
  const first = await aws.seed(input);
  expect(await lifetime(first)).toBeCloseTo(durationSeconds, -1);
  // The same again, and what exists.
  expect(await lifetime(await aws.seed(input))).toBeCloseTo(durationSeconds, -1);
  const { roleAlias } = first;
  expect(await lifetime(await aws.seed({ roleAlias, keyType }))).toBeCloseTo(durationSeconds, -1);
});

it.each([
  ['RSA-2048', 'rsa', undefined],
  ['EC-P256', 'ec', 'prime256v1'],
  ['EC-P384', 'ec', 'secp384r1'],
] as const)('seed with keyType %s', async (keyType, type, namedCurve) => {
  const seed = await aws.seed({ keyType });
  const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(seed.privateKeyPem);
  expect(asymmetricKeyType).toBe(type);
  expect(asymmetricKeyDetails?.namedCurve).toBe(namedCurve);
});

it.each<[string, SeedInput | Record<string, unknown>, RegExp]>([
  [
    'a short duration',
    { durationSeconds: 899 },
    /durationSeconds must be .* 900 to 43200, got 899/,
  ],
  ['a long duration', { durationSeconds: 43_201 }, /900 to 43200, got 43201/],
  ['a duration that is text', { durationSeconds: '900' }, /900 to 43200/],
  ['a duration with a fraction', { durationSeconds: 900.5 }, /900 to 43200/],
  ['an unknown key type', { keyType: 'RSA-1024' }, /keyType must be one of RSA-2048/],
  ['a name that is no text', { thingName: 5 }, /not a valid thing name/],
  ['another duration', { roleAlias: 'used', durationSeconds: 3600 }, /with a duration of 900 s/],
  ['a role for shorter sessions', { roleAlias: 'old', durationSeconds: 7200 }, /of 3600 seconds/],
])('seed with %s changes nothing', async (_what, input, message) => {
  if (!aws.iot.listRoleAliases().includes('used')) {
    await aws.seed({ roleAlias: 'used', durationSeconds: 900, keyType });
    await aws.seed({ roleAlias: 'old', keyType });
    aws.iot.deleteRoleAlias({ roleAlias: 'old' });
  }
  const before = [aws.iot.listThings(), aws.iot.listCertificates(), aws.iot.listRoleAliases()];
  await expect(aws.seed(input as SeedInput)).rejects.toThrow(message);
  expect([aws.iot.listThings(), aws.iot.listCertificates(), aws.iot.listRoleAliases()]).toEqual(
    before,
  );
});
