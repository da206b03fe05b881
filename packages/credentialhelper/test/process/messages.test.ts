import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialHelperError } from '../../src/errors.ts';
import { pack, packError, unpack, unpackError } from '../../src/process/messages.ts';

/** Over the channel, as Node.js sends it. */
const sent = (content: unknown) =>
  unpack(JSON.parse(JSON.stringify(pack({ kind: 'answer', content }))));

const sender = 'awsiot-credentialhelper';

describe('unpack', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['text', 'ready'],
    ['a list', ['ready']],
    ['another object', { hello: 1 }],
    ['what Node.js sends under --watch', { 'watch:require': ['a'] }],
    ['a message without a sender', { kind: 'answer', content: 1 }],
    ['one of another sender', { sender: 'another', message: '{"kind":"answer"}' }],
    ['one without text', { sender }],
    ['one with an object', { sender, message: { kind: 'answer' } }],
    ['one that is not JSON', { sender, message: 'no JSON' }],
    ['one that is empty', { sender, message: '' }],
    ['one that is null', { sender, message: 'null' }],
    ['one that is a number', { sender, message: '7' }],
    ['one without a kind', { sender, message: '{}' }],
    ['one whose kind is no text', { sender, message: '{"kind":1}' }],
    ['one with a map that is none', { sender, message: '{"kind":"answer","content":{"$map":1}}' }],
  ])('returns undefined for %s', (_name, value) => {
    expect(unpack(value)).toBeUndefined();
  });

  it('returns undefined, without an exception, for anything else', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.record({ sender: fc.constant(sender), message: fc.string() })),
        (value) => {
          expect(unpack(value)).toBeUndefined();
        },
      ),
    );
  });
});

describe('a message', () => {
  it('round-trips bytes, maps, and their content', () => {
    const content = {
      bytes: Buffer.from([0, 255, 1]),
      array: new Uint8Array([1, 2]),
      part: Buffer.from('abcdef').subarray(2, 4),
      empty: new Uint8Array(),
      map: new Map<unknown, unknown>([
        ['a', new Map([['b', Buffer.from('c')]])],
        [1, [Buffer.from('d')]],
      ]),
      none: null,
      text: 'ü\u2028\0',
    };
    const expected = { ...content, array: Buffer.from([1, 2]), empty: Buffer.alloc(0) };
    expect(sent(content)).toEqual({ kind: 'answer', content: expected });
  });

  it.each([
    { $bytes: 'x' },
    { $map: 'x' },
    { $map: [['a', 1]], other: 1 },
    { $object: [] },
    { $: { $bytes: Buffer.from('x') } },
    [{ $object: { $map: 1 } }],
  ])('brings back header fields that look like ours: %j', (content) => {
    expect(sent(content)).toEqual({ kind: 'answer', content });
  });

  it('round-trips any JSON', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('$bytes', '$map', '$object', '$', 'kind'));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('value')),
        fc.dictionary(key, tie('value'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (content) => {
        expect(sent(content)).toEqual({ kind: 'answer', content });
      }),
    );
  });
});

describe('an error', () => {
  const over = (error: unknown) => unpackError(JSON.parse(JSON.stringify(packError(error))));

  it('of this package round-trips with code, message and hint', () => {
    const error = new CredentialHelperError('it is locked', {
      code: 'ERR_PIN_LOCKED',
      hint: 'unlock it',
    });
    expect(over(error)).toMatchObject({
      name: 'CredentialHelperError',
      code: 'ERR_PIN_LOCKED',
      message: 'it is locked',
      hint: 'unlock it',
    });
  });

  it.each<[string, unknown]>([
    ['TypeError: x is not a function', new TypeError('x is not a function')],
    ['undefined', undefined],
    ['just text', 'just text'],
    ['Error: with a code', Object.assign(new Error('with a code'), { code: 'toString' })],
  ])('of another kind is a fault of the child process: %s', (text, error) => {
    expect(over(error)).toMatchObject({
      code: 'ERR_CHILD_PROGRAM',
      message: `the child process failed: ${text}`,
    });
  });

  it('of an unknown code round-trips too', () => {
    for (const code of ['ERR_OF_LATER', 'toString', '__proto__']) {
      const error = unpackError({ code, message: 'x', hint: undefined });
      expect(error).toMatchObject({ code: 'ERR_CHILD_PROGRAM' });
    }
  });
});
