import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPkcs11Uri, type Pkcs11Uri, parsePkcs11Uri } from '../../src/identity/pkcs11-uri.ts';
import { Secret } from '../../src/identity/secret.ts';
import { errorOf } from '../support/errors.ts';

const parse = (uri: string) => parsePkcs11Uri(uri, 'privateKey');

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });

const attributes: fc.Arbitrary<Pkcs11Uri> = fc.record(
  {
    token: text,
    manufacturer: text,
    serial: text,
    model: text,
    libraryManufacturer: text,
    libraryDescription: text,
    libraryVersion: fc.constantFrom('3.0', '2.40', '0.1'),
    slotManufacturer: text,
    slotDescription: text,
    slotId: fc.nat(),
    object: text,
    id: fc.uint8Array({ minLength: 1, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
    type: fc.constantFrom('cert', 'data', 'private', 'public', 'secret-key'),
    modulePath: text,
    moduleName: text,
    pinSource: text,
  },
  { requiredKeys: [] },
);

describe('PKCS#11 URIs', () => {
  it.each([
    'pkcs11:token=a,value=94716283',
    'pkcs11:token=t;object=a,code=94716283',
    'pkcs11:token=a,pln-value=94716283',
    'pkcs11:object=k&pin-value=94716283',
  ])('does not take another attribute for a part of a name: %s', async (uri) => {
    const error = await errorOf(() => parsePkcs11Uri(uri, 'uri'));
    expect(inspect(error)).not.toContain('94716283');
    expect(error.message).toContain('%3D');
  });

  it('reads the examples of RFC 7512', () => {
    expect(parse('pkcs11:')).toEqual({});
    expect(parse('pkcs11:object=my-pubkey;type=public')).toEqual({
      object: 'my-pubkey',
      type: 'public',
    });
    expect(parse('pkcs11:object=my-key;type=private?pin-source=file:/etc/token')).toEqual({
      object: 'my-key',
      type: 'private',
      pinSource: 'file:/etc/token',
    });
    expect(
      parse(
        'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin',
      ),
    ).toEqual({
      token: 'The Software PKCS#11 Softtoken',
      manufacturer: 'Snake Oil, Inc.',
      model: '1.0',
      object: 'my-certificate',
      type: 'cert',
      id: Buffer.from('69953e5cf4bdec91', 'hex'),
      serial: '',
      pinSource: 'file:/etc/token_pin',
    });
    expect(parse('pkcs11:slot-description=Sun%20Metaslot;library-version=3.1;slot-id=0')).toEqual({
      slotDescription: 'Sun Metaslot',
      libraryVersion: '3.1',
      slotId: 0,
    });
    expect(
      parse(
        'pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert',
      ),
    ).toEqual({ token: 'A name with a substring %;', object: 'my-certificate', type: 'cert' });
    expect(parse('pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1')).toEqual({
      token: 'Name with a small A with acute: á',
    });
  });

  it('reads an id as bytes, never as hexadecimal digits', () => {
    expect(parse('pkcs11:id=1000').id).toEqual(Buffer.from('1000'));
    expect(parse('pkcs11:id=%10%00').id).toEqual(Buffer.from([0x10, 0]));
    expect(parse('pkcs11:id=%ff%C3').id).toEqual(Buffer.from([0xff, 0xc3]));
  });

  it('completes a library version without minor number', () => {
    expect(parse('pkcs11:library-version=3').libraryVersion).toBe('3.0');
  });

  it('leaves a plus sign a plus sign', () => {
    expect(parse('pkcs11:object=a+b').object).toBe('a+b');
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(attributes, (value) => {
        expect(parse(formatPkcs11Uri(value))).toEqual(value);
      }),
    );
  });

  it('writes only characters that RFC 3986 allows', () => {
    fc.assert(
      fc.property(attributes, (value) => {
        expect(formatPkcs11Uri(value)).toMatch(/^pkcs11:[A-Za-z0-9\-._~%=;&?]*$/);
      }),
    );
  });

  it('includes a PIN only in the format for messages', () => {
    fc.assert(
      fc.property(text, (pin) => {
        const pinValue = new Secret(pin);
        const encoded = Buffer.from(pin).toString('hex').replace(/../g, '%$&');
        const uri = `pkcs11:token=t?pin-value=${encoded}`;
        expect(parse(uri).pinValue?.reveal()).toBe(pin);
        expect(formatPkcs11Uri({ token: 't', pinValue })).toBe('pkcs11:token=t');
      }),
    );
  });

  it('does not show a PIN if the attributes are printed', () => {
    const read = parse('pkcs11:token=t?pin-value=hunter2');
    for (const shown of [inspect(read, { depth: 9, showHidden: true }), JSON.stringify(read)]) {
      expect(shown).not.toContain('hunter2');
    }
    expect(`${read.pinValue}`).toBe('[secret]');
  });

  it.each([
    ['object=my-key', 'pkcs11:'],
    ['pkcs11:object', 'percent-encoded'],
    ['pkcs11:object=a b', 'percent-encoded'],
    ['pkcs11:object=ä', 'percent-encoded'],
    ['pkcs11:object=%4', 'percent-encoded'],
    ['pkcs11:object=%zz', 'percent-encoded'],
    ['pkcs11:object=a/b', 'percent-encoded'],
    ['pkcs11:object=%ff', 'UTF-8'],
    ['pkcs11:object=a;object=b', 'twice'],
    ['pkcs11:;', 'unknown attribute'],
    ['pkcs11:slot-id=x', 'decimal'],
    ['pkcs11:slot-id=0x1', 'decimal'],
    ['pkcs11:type=key', 'one of'],
    ['pkcs11:library-version=1.2.3', 'library-version'],
    ['pkcs11:pin-value=1234', 'after the ?'],
    ['pkcs11:?token=t', 'before the ?'],
    ['pkcs11:label=x', 'unknown attribute "label"'],
    ['pkcs11:object=a?pin-value=1&pin-source=x', 'both'],
  ])('rejects %j and says why', async (uri, reason) => {
    const error = await errorOf(() => parse(uri));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain('"privateKey"');
    expect(error.message).toContain(reason);
  });

  it('never shows a value in an error', async () => {
    for (const uri of [
      'pkcs11:pin-value=hunter2',
      'pkcs11:object=a?pin-value=hunter2&pin-value=hunter2',
      'pkcs11:object=a?pin-value=hunter2 ',
      'pkcs11:object=a?Hunter2',
      'pkcs11:hunter2?hunter2',
    ]) {
      const error = await errorOf(() => parse(uri));
      expect(inspect(error, { depth: 9 }).replace(/unknown attribute "hunter2"/, '')).not.toMatch(
        /hunter2/i,
      );
    }
  });

  it('returns attributes or a CredentialHelperError for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `pkcs11:${rest}`),
        ),
        (uri) => {
          try {
            parse(uri);
          } catch (error) {
            expect((error as Error).name).toBe('CredentialHelperError');
          }
        },
      ),
    );
  });
});
