/** The name of the command, also the prefix of each line on stderr. */
export const PROGRAM = 'awsiot-credentialhelper-emulator';

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what would change the terminal, or end the line
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Shows the characters of a text that a terminal would not. */
export function visible(text: string): string {
  return text.replace(
    UNSEEN,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Writes an error to stderr, on one line. */
export function printError(message: string): void {
  process.stderr.write(`${PROGRAM}: error: ${visible(message)}\n`);
}

/** Writes a warning to stderr, on one line. */
export function printWarning(message: string): void {
  process.stderr.write(`${PROGRAM}: warning: ${visible(message)}\n`);
}

/** Makes output that cannot be written an error, unless its reader has closed the pipe. */
export function watchOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    printError(`cannot write to stdout: ${message}`);
    process.exit(1);
  });
  // There is nowhere to report what stderr does not take.
  process.stderr.on('error', () => {});
}
