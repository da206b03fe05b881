import type { RemedyCommand } from './finding.ts';

/** The command that shows what is wrong. */
export const show = (...words: readonly string[]) => commandOf('show', words);
/** The command that fixes it. */
export const fix = (...words: readonly string[]) => commandOf('fix', words);
/** The command that fixes it in another way. */
export const or = (...words: readonly string[]) => commandOf('or', words);

function commandOf(purpose: RemedyCommand['purpose'], words: readonly string[]): RemedyCommand {
  return { purpose, command: words.map(quoted).join(' ') };
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that prints the endpoint. */
export function describeEndpoint(region: string | undefined) {
  return show(
    ...['aws', 'iot', 'describe-endpoint', '--endpoint-type', 'iot:CredentialProvider'],
    ...(region === undefined ? [] : ['--region', region]),
  );
}
