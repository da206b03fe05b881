// The pictures must match the demo's recorded output, which the demo's test compares with a real run.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderAll } from './all.mjs';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const pictures: Record<string, string> = renderAll(read('examples/demo/output.txt'));

it.each(Object.keys(pictures))(
  '%s is up to date (npm run pictures), and the README shows it',
  (file) => {
    expect(read(file)).toBe(pictures[file]);
    expect(read('README.md')).toContain(`](${file})`);
  },
);

it('the terminal shows all output of the demo', () => {
  const shown = (pictures['docs/pictures/demo.svg'] ?? '')
    .split('</style>')[1]
    ?.matchAll(/<text [^>]*>([^<]*)<\/text>/g);
  const entities: Record<string, string> = {
    '&quot;': '"',
    '&lt;': '<',
    '&gt;': '>',
    '&amp;': '&',
  };
  const words = (text: string) => text.split(/\s+/).filter(Boolean);
  expect(
    words(
      [...(shown ?? [])]
        .map(([, text = '']) => text.replaceAll(/&\w+;/g, (name) => entities[name] ?? name))
        .join(' '),
    ),
  ).toEqual(['$', 'npm', 'run', 'demo', ...words(read('examples/demo/output.txt'))]);
});

it.each(['console-requests.png', 'console-decision.png'])(
  'the README of the emulator shows and describes %s (npm run pictures)',
  (name) => {
    const picture = readFileSync(new URL(`../../docs/pictures/${name}`, import.meta.url));
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect(picture.length).toBeLessThan(150_000);
    const shown = new RegExp(`!\\[.{40,}\\]\\(\\S*docs/pictures/${name}\\)`);
    expect(read('packages/emulator/README.md')).toMatch(shown);
  },
);
