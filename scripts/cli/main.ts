// Writes docs/cli.md and the manual page from the definitions of the commands; with --check, fails if a file differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { readCommands } from './commands.ts';
import { cliMan } from './man.ts';
import { cliMarkdown } from './markdown.ts';

const root = new URL('../../', import.meta.url);
const device = new URL('packages/credentialhelper/', root);
const { version } = JSON.parse(readFileSync(new URL('package.json', device), 'utf8'));

const commands = await readCommands();
const files = [
  [new URL('docs/cli.md', root), cliMarkdown(commands)],
  [new URL('man/awsiot-credentialhelper.1', device), cliMan(commands, version)],
] as const;

for (const [file, text] of files) {
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file.pathname} is out of date: npm run docs`);
    process.exitCode = 1;
  }
}
