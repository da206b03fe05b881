import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repeatsKey } from '../../src/policy/json-keys.ts';

describe('a repeated key', () => {
  it.each([
    ['{"a":1,"a":2}', true],
    ['{"a":1,"\\u0061":2}', true],
    ['[{"b":{"a":[],"c":{},"a":null}}]', true],
    ['{"a":{"a":["a","a"]},"b":{"a":"a"}}', false],
    ['[{"a":1},{"a":1}]', false],
    ['{"a":"b\\":,{\\"b\\":1","b":2}', false],
    ['{"__proto__":1,"constructor":2}', false],
    ['"a"', false],
  ])('in %s: %s', (json, expected) => {
    expect(repeatsKey(json)).toBe(expected);
  });

  it('is found wherever it is, and nowhere else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, key) => {
        expect(repeatsKey(JSON.stringify(value))).toBe(false);
        const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
        expect(repeatsKey(`[{${member}},{${member},${member}}]`)).toBe(true);
      }),
    );
  });

  it('is looked for in any depth', () => {
    expect(repeatsKey('['.repeat(100_000) + ']'.repeat(100_000))).toBe(false);
  });
});
