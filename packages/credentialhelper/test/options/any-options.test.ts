// Options of any types and values, several at a time: settings, or an error of this package that shows no secret.
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isCredentialHelperError } from '../../src/errors.ts';
import { checkOptions, type Settings } from '../../src/options/options.ts';
import { mistyped } from '../support/mistyped.ts';
import { allOf } from '../support/planted.ts';

const library = '/usr/lib/softhsm/libsofthsm2.so';
const keyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  format: 'pem',
  type: 'pkcs8',
}) as string;

/** A right value, at times another one. */
const mostly = (...right: readonly unknown[]) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...right) },
    fc.string({ unit: 'binary' }),
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
  );
const names = {
  endpoint: mostly('a1b2.credentials.iot.eu-west-1.amazonaws.com', 'localhost:8443', '[::1]:1'),
  roleAlias: mostly('alias', 'a_=,@-'),
  thingName: mostly(undefined, 'thing:1'),
  certificate: mostly('cert.pem', new URL('file:///cert.pem'), Buffer.from('x')),
  ca: mostly(undefined, 'ca.pem'),
  region: mostly(undefined, 'eu-west-1'),
  verifyPeer: mostly(undefined, true),
  timeoutMs: mostly(undefined, 1, 600_000),
  maxWaitMs: mostly(undefined, 0, 3_600_000),
  keepFresh: mostly(undefined, true, false),
  userAgent: mostly(undefined, '', 'x/1'),
  logger: mostly(undefined, console),
  parentClientConfig: mostly(undefined, {}, { region: 'us-east-1' }),
};
const pkcs11 = fc.record(
  {
    library: mostly(library),
    libraryParameters: mostly(undefined, 'x'),
    userPin: mostly(undefined, null, '1234', { environmentVariable: 'PIN' }, () => '1234'),
    slotId: mostly(undefined, null, 0),
    tokenLabel: mostly(undefined, null, 'token'),
    tokenSerial: mostly(undefined, null, '01'),
    privateKeyLabel: mostly(undefined, null, 'key'),
    uri: mostly(undefined, 'pkcs11:token=token'),
    ignorePinFlags: mostly(undefined, true),
    isolate: mostly(undefined, true, false, {}, { node: '/usr/bin/node' }),
    stateFolder: mostly(undefined, null, './state'),
  },
  { requiredKeys: ['library'] },
);
const required = ['endpoint', 'roleAlias', 'certificate'] as const;
const inFile = fc.record(
  { ...names, privateKey: mostly('key.pem'), passphrase: mostly(undefined, 'word') },
  { requiredKeys: [...required, 'privateKey'] },
);
const inToken = fc.record({ ...names, pkcs11 }, { requiredKeys: [...required, 'pkcs11'] });
const options: fc.Arbitrary<Record<string, unknown>> = fc.oneof(inFile, inToken);

/** Settings that are within the documented limits. */
function assertSettings({ endpoint, roleAlias, thingName, ...rest }: Settings): void {
  expect(endpoint.port).toBeGreaterThan(0);
  expect(roleAlias).toMatch(/^[\w=,@-]{1,128}$/);
  expect(thingName ?? 'x').toMatch(/^[a-zA-Z0-9:_-]{1,128}$/);
  expect(rest.timeoutMs).toBeGreaterThanOrEqual(1);
  expect(rest.timeoutMs).toBeLessThanOrEqual(600_000);
  expect(rest.maxWaitMs).toBeGreaterThanOrEqual(0);
  expect(rest.maxWaitMs).toBeLessThanOrEqual(3_600_000);
  expect(rest.userAgent).toMatch(/^[ -~]{0,512}$/);
  for (const flag of [rest.verifyPeer, rest.keepFresh]) expect(flag).toBeTypeOf('boolean');
}

it('become settings within their limits, or an error', () => {
  const seen = { settings: 0, errors: 0 };
  fc.assert(
    fc.property(options, (given) => {
      try {
        assertSettings(checkOptions(given as never));
        seen.settings++;
      } catch (error) {
        if (!isCredentialHelperError(error)) throw error;
        seen.errors++;
      }
    }),
    { numRuns: 500 },
  );
  // Both are generated.
  expect(seen.settings).toBeGreaterThan(20);
  expect(seen.errors).toBeGreaterThan(20);
});

it('show no secret in an error, whatever else is wrong', () => {
  const place = fc.constantFrom(
    ...Object.keys(names),
    ...['privateKey', 'passphrase', 'pkcs11', 'userPin', 'uri', 'library', 'isolate', 'slotId'],
    ...['stateFolder', 'libraryParameters', 'ignorePinFlags', 'as a name'],
  );
  fc.assert(
    fc.property(options, place, mistyped(keyPem), (given, where, { text, planted }) => {
      const name = where === 'as a name' ? text : where;
      const isInToken = !Object.hasOwn(names, name) && typeof given.pkcs11 === 'object';
      const planting = isInToken
        ? { ...given, pkcs11: { ...(given.pkcs11 as object), [name]: text } }
        : { ...given, [name]: text };
      try {
        checkOptions(planting as never);
      } catch (error) {
        expect(planted.find(allOf(error)), `${name} shows ${text}`).toBeUndefined();
      }
    }),
    { numRuns: 300 },
  );
});
