import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SETTINGS } from '../../src/settings/names.ts';

it('docs/settings.md lists each setting with its names', () => {
  const page = readFileSync(new URL('../../../../docs/settings.md', import.meta.url), 'utf8');
  const listed = page.split('\n').filter((line) => line.startsWith('| `'));
  const code = (text: string) => (text === '' ? '' : `\`${text}\``);
  expect(listed).toEqual(
    SETTINGS.map(
      ({ option, meaning, flag, variable, key }) =>
        `| \`${option}\` | ${meaning} | ${code(flag)} | ${code(variable)} | ${code(key)} |`,
    ),
  );
});
