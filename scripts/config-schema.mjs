// Writes the JSON Schema of a file of settings; with --check, fails if the file differs. Run by tsx.
import { readFileSync, writeFileSync } from 'node:fs';
import { configSchema } from '../packages/credentialhelper/src/settings/config-schema.ts';

const FILE = new URL('../packages/credentialhelper/config.schema.json', import.meta.url);
const text = `${JSON.stringify(configSchema(), null, 2)}\n`;

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('config.schema.json is out of date: npm run docs');
  process.exitCode = 1;
}
