import { describe, expect, it } from 'vitest';
import { commonName, parseSubject } from '../../src/token/subject.ts';
import { errorOf } from '../support/errors.ts';

describe('parseSubject', () => {
  it.each([
    ['CN=thing', [['2.5.4.3', 'thing']]],
    [
      'cn = a b , O=x',
      [
        ['2.5.4.3', 'a b'],
        ['2.5.4.10', 'x'],
      ],
    ],
    ['CN=a=b\\,c\\\\', [['2.5.4.3', 'a=b,c\\']]],
    [
      'O=Müller,C=DE',
      [
        ['2.5.4.10', 'Müller'],
        ['2.5.4.6', 'DE'],
      ],
    ],
  ])('reads %s', (text, expected) => {
    expect(parseSubject(text).map(({ oid, value }) => [oid, value])).toEqual(expected);
  });

  it.each([
    '',
    'thing',
    'CN=',
    ',CN=x',
    'CN=x,',
    'CN=x,,O=y',
    'XX=y',
    'C=Germany',
    'serialNumber=ü',
    'CN=x\\',
  ])('rejects "%s"', async (text) => {
    const error = await errorOf(() => parseSubject(text));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.hint).toContain('CN=my-thing');
  });

  it('accepts any label as common name', () => {
    expect(commonName('a,b=\\')).toMatchObject([{ oid: '2.5.4.3', value: 'a,b=\\' }]);
  });
});
