// docs/cli.md.
import type { CommandPage, readCommands, Term } from './commands.ts';

/** The reference of the command line in Markdown. */
export function cliMarkdown({
  program,
  summary,
  pages,
  sessionOptions,
}: Awaited<ReturnType<typeof readCommands>>): string {
  return `# Command line

${summary} Results are on stdout, everything else is on stderr; \`--json\` prints one JSON document. \`${program} COMMAND --help\` prints
the same as this page. It is also the manual page \`${program}(1)\`.

| exit status | meaning |
| --- | --- |
| 0 | it worked |
| 1 | it failed; stderr says why |
| 2 | the command line, or what it names, is wrong |

[errors.md](errors.md) has the exit status of each error, and \`exec\` that of its command.

| command | what it does |
| --- | --- |
${pages.map(({ path, description }) => `| [\`${path}\`](#${path.replaceAll(' ', '-')}) | ${cell(firstSentence(description))} |`).join('\n')}

## Options of the session

The commands for which a session is opened also have these options. [settings.md](settings.md) has the other ways to set them.

${table(sessionOptions)}${pages.map((page) => section(program, page)).join('')}`;
}

function section(program: string, page: CommandPage): string {
  const { path, description, usage, options, notes } = page;
  const given = page.arguments.length === 0 ? '' : `\n${table(page.arguments, 'argument')}`;
  const own = options.length === 0 ? '' : `\n${table(options)}`;
  const session = page.hasSession
    ? '\nIt has the [options of the session](#options-of-the-session), too.\n'
    : '';
  const rest = notes === '' ? '' : `\n\`\`\`text\n${notes}\n\`\`\`\n`;
  return `
## ${path}

\`\`\`text
${program} ${path} ${usage}
\`\`\`

${description}
${given}${own}${session}${rest}`;
}

const table = (terms: readonly Term[], kind = 'option') =>
  `| ${kind} | meaning |
| --- | --- |
${terms.map(({ term, meaning }) => `| \`${term}\` | ${cell(meaning)} |`).join('\n')}
`;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const firstSentence = (text: string) =>
  /^.*?[.:](?=\s|$)/s.exec(text)?.[0]?.replace(/:$/, '.') ?? text;
