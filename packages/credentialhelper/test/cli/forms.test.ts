import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { makeForms } from '../support/forms.ts';
import { someOf } from '../support/often.ts';
import { plantKey } from '../support/secrets.ts';
import { startTokens } from '../support/token.ts';

const tokens = startTokens();
const forms = makeForms(tokens.folder);
const flags = tokens.flags('forms');

beforeAll(async () => {
  plantKey(readFileSync(forms.keyFile, 'utf8'));
  const args = ['--label', 'verified', '--id', 'ff', '--key', forms.keyFile];
  await runJson(['token', 'import', ...flags, ...args]);
});

describe('token import', () => {
  it.each(someOf(forms.keys.map(([name, text], index) => ({ name, text, index }))))(
    'takes a key $name',
    async ({ text, index }) => {
      const id = (index + 1).toString(16).padStart(2, '0');
      const args = ['--label', `key ${index}`, '--id', id, '--key', forms.write('form', text)];
      expect(await runJson(['token', 'import', ...flags, ...args])).toMatchObject({ id });
    },
  );

  it.each(forms.refused)('names %s', async (_name, file, what, hint) => {
    const args = ['--label', 'refused', '--key', file(), '--json'];
    const { status, stdout, stderr } = await run(['token', 'import', ...flags, ...args]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_PRIVATE_KEY_INVALID' } });
    expect(stderr).toMatch(what);
    expect(stderr).toMatch(hint);
    expect(status).toBe(1);
  });
});

describe('token verify', () => {
  it.each(someOf(forms.certificates))('accepts a certificate %s', async (_name, text) => {
    const args = ['--label', 'verified', '--certificate', forms.write('certificate', text)];
    expect(await runJson(['token', 'verify', ...flags, ...args])).toMatchObject({ belongs: true });
  });
});
