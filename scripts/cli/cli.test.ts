import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { run } from '../../packages/credentialhelper/test/support/cli.ts';
import { readCommands } from './commands.ts';

const { pages, sessionOptions } = await readCommands();
const MAN = new URL(
  '../../packages/credentialhelper/man/awsiot-credentialhelper.1',
  import.meta.url,
).pathname;

it.each(pages.map(({ path }) => path))('%s refuses an unknown option in one line', async (path) => {
  const { status, stdout, stderr } = await run([...path.split(' '), '--no-such-option', 'x']);
  expect([status, stdout]).toEqual([2, '']);
  const [error, hint, ...more] = stderr.trimEnd().split('\n');
  expect(error).toBe("awsiot-credentialhelper: error: unknown option '--no-such-option'");
  expect(hint).toContain(`hint: see awsiot-credentialhelper ${path} --help`);
  expect(more).toEqual([]);
});

it.each(pages)('the help of $path has an example', async ({ path, notes }) => {
  const { status, stdout } = await run([...path.split(' '), '--help']);
  expect(status).toBe(0);
  expect(stdout).toContain('Exit status:');
  expect(notes).toMatch(/^Examples?\b/m);
});

it.each(pages)('the examples of $path use its options', ({ path, options, hasSession, notes }) => {
  const examples = notes.replaceAll('\\\n', ' ').split('\n');
  const used = examples.flatMap((line) => {
    const [, args = ''] = new RegExp(`awsiot-credentialhelper ${path}( .*)?$`).exec(line) ?? [];
    return args.split(/ -- | [<>|]/)[0]?.match(/--[a-z-]+/g) ?? [];
  });
  const known = [...options, ...(hasSession ? sessionOptions : [])].map(
    ({ term }) => /--[a-z-]+/.exec(term)?.[0],
  );
  expect(known).toEqual(expect.arrayContaining(used));
});

it('the manual page is valid', () => {
  // Lines are as long as their text; the page has no date of its own.
  const lint = () =>
    execFileSync('mandoc', ['-T', 'lint', '-W', 'warning', MAN], { encoding: 'utf8' });
  let printed = '';
  try {
    printed = lint();
  } catch (error) {
    printed = String((error as { stdout?: string }).stdout);
  }
  const problems = printed
    .split('\n')
    .filter((line) => line !== '' && !line.includes('missing date'));
  expect(problems).toEqual([]);
});
