import { describe, expect, it } from 'vitest';
import { CredentialHelperError } from '../src/errors.ts';
import { excerpt, visible, visibleJson } from '../src/text.ts';

describe('text from other sources', () => {
  it('has its invisible characters escaped', () => {
    expect(visible('a\u001b[2J\r\n\u0085\u009b\u2028\u202e\u2066\ufeffü€😀')).toBe(
      'a\\u001b[2J\\u000d\\u000a\\u0085\\u009b\\u2028\\u202e\\u2066\\ufeffü€😀',
    );
  });

  it('keeps its value in JSON', () => {
    const value = { label: 'a\u009b\u202e\n' };
    const json = visibleJson(JSON.stringify(value, null, 2));
    expect(json).toBe('{\n  "label": "a\\u009b\\u202e\\n"\n}');
    expect(JSON.parse(json)).toEqual(value);
  });

  it('is truncated between characters', () => {
    expect(excerpt('😀'.repeat(300), 2)).toBe('😀😀…');
    expect(excerpt('ab', 2)).toBe('ab');
  });

  it('is truncated in an error', () => {
    const long = 'x\n'.repeat(1_000_000);
    const error = new CredentialHelperError(long, {
      code: 'ERR_SERVICE',
      hint: long,
      requestId: long,
    });
    expect(error.message).toHaveLength(4001);
    expect(error.hint).toHaveLength(4001);
    expect(error.requestId).toHaveLength(201);
    expect(error.message).not.toContain('\n');
  });
});
