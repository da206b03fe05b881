// The page, the picture and the results must be of the same run. Nothing is measured here.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderPage } from './page.mjs';
import { renderPlot } from './plot.mjs';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const results = JSON.parse(read('results.json'));
const page = read('../docs/performance.md');

it('docs/performance.md matches bench/results.json (npm run bench -- --render)', () => {
  expect(page).toBe(renderPage(page, results));
});

it('docs/pictures/performance.svg matches bench/results.json (npm run bench -- --render)', () => {
  expect(read('../docs/pictures/performance.svg')).toBe(renderPlot(results));
});

it('a page without its markers is rejected', () => {
  expect(() => renderPage('# Performance\n', results)).toThrow('the page has no');
});
