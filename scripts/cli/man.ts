// The manual page, in the macros of man(7).
import { SETTINGS } from '../../packages/credentialhelper/src/settings/names.ts';
import type { CommandPage, readCommands, Term } from './commands.ts';

/** The manual page of the command line. */
export function cliMan(
  { program, summary, pages, sessionOptions }: Awaited<ReturnType<typeof readCommands>>,
  version: string,
): string {
  const variables = SETTINGS.filter(({ variable }) => variable !== '').map(
    ({ variable, meaning }) => ({ term: variable, meaning }),
  );
  return `.\\" Generated from the definitions of the commands.
.TH ${program.toUpperCase().replaceAll('-', '\\-')} 1 "" "${program} ${version}"
.SH NAME
${escaped(program)} \\- ${escaped(summary.replace(/\.$/, ''))}
.SH SYNOPSIS
${pages.map(({ path, usage }) => `.B ${escaped(`${program} ${path}`)}\n${escaped(usage)}`).join('\n.br\n')}
.SH DESCRIPTION
${escaped('Results are on stdout, everything else is on stderr; --json prints one JSON document. Settings are options of the command, environment variables, keys of a profile in ~/.aws/config, settings of AWS IoT Greengrass v2 or AWS IoT Device Client, or members of a file: the first place that has one counts.')}
.SH COMMANDS
${pages.map((page) => section(program, page)).join('')}.SH "OPTIONS OF THE SESSION"
${terms(sessionOptions)}.SH ENVIRONMENT
${terms(variables)}${terms([
  {
    term: 'AWS_IOT_LOG',
    meaning: 'level of the log on stderr: error, warn, info, debug or trace; default: none',
  },
  {
    term: 'AWS_CONFIG_FILE, AWS_PROFILE',
    meaning: 'the configuration file of the AWS SDKs, and its profile',
  },
])}.SH FILES
${terms([
  { term: '~/.aws/config', meaning: 'profiles with keys that begin with iot_' },
  {
    term: '~/.cache/awsiot-credentialhelper',
    meaning: 'credentials that processes of this user share; compiled code of this program',
  },
  { term: '~/.local/state/awsiot-credentialhelper', meaning: 'keyed hashes of rejected PINs' },
])}.SH "EXIT STATUS"
${terms([
  { term: '0', meaning: 'It worked.' },
  { term: '1', meaning: 'It failed; stderr says why.' },
  { term: '2', meaning: 'The command line, or what it names, is wrong.' },
])}`;
}

function section(program: string, page: CommandPage): string {
  const session = page.hasSession
    ? `.PP\n${escaped('It has the options of the session, too.')}\n`
    : '';
  const notes = page.notes === '' ? '' : `.PP\n.nf\n${escapedLines(page.notes)}\n.fi\n`;
  return `.SS ${escaped(`${program} ${page.path}`)}
${escaped(page.description)}
${terms([...page.arguments, ...page.options])}${session}${notes}`;
}

const terms = (given: readonly Term[]) =>
  given.map(({ term, meaning }) => `.TP\n.B ${escaped(term)}\n${escaped(meaning)}\n`).join('');

const escapedLines = (text: string) => text.split('\n').map(escaped).join('\n');

/** Text on one line: groff(7) would change backslashes and hyphens, and a first dot or quote begins a request. */
const escaped = (text: string) =>
  text
    .replaceAll('\n', ' ')
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replace(/^(?=[.'])/, '\\&');
