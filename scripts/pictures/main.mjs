// Runs the demo, records its output, and generates the pictures of the READMEs: npm run pictures
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mask } from '../../examples/demo/mask.ts';
import { renderAll } from './all.mjs';
import { renderConsole } from './console.mjs';

const root = new URL('../../', import.meta.url);
const printed = execFileSync('bash', ['scripts/demo.sh'], {
  cwd: fileURLToPath(root),
  encoding: 'utf8',
});
// The output of the setup comes first.
const output = mask(printed.slice(printed.indexOf('\n1. ')));
writeFileSync(new URL('examples/demo/output.txt', root), output);
const pictures = { ...renderAll(output), ...(await renderConsole()) };
for (const [file, picture] of Object.entries(pictures)) writeFileSync(new URL(file, root), picture);
