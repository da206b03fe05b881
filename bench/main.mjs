// Measures the cost of getting credentials, compared with alternatives, in one run, as ratios: npm run bench
//   --write      writes bench/results.json, and from it docs/performance.md and docs/pictures/performance.svg
//   --render     writes both from bench/results.json, without measuring
//   --rounds N   100 if not given
// PY_HELPER=CHECKOUT compares with the Python session helper, too; PYTHON is the interpreter, /usr/bin/python3 if not
// given.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { renderPage, renderTable } from './page.mjs';
import { renderPlot } from './plot.mjs';
import { measure } from './results.mjs';

const file = (path) => new URL(`../${path}`, import.meta.url);
const RESULTS = file('bench/results.json');
const PAGE = file('docs/performance.md');
const PLOT = file('docs/pictures/performance.svg');

const { values: options } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '100' },
  },
});
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error('--rounds must be a whole number, 1 or more');

if (!options.render) {
  if (process.env.PY_HELPER === undefined)
    console.error('The Python session helper is skipped: PY_HELPER names no checkout of it.');
  // Each Node.js would read these certificates when it starts: the ratios would be smaller than on a device without them.
  delete process.env.NODE_EXTRA_CA_CERTS;
  const results = await measure(rounds);
  console.log(renderTable(results));
  if (options.write) writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}
if (options.write || options.render) {
  const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
  writeFileSync(PAGE, renderPage(readFileSync(PAGE, 'utf8'), results));
  writeFileSync(PLOT, renderPlot(results));
}
