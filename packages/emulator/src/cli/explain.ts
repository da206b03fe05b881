import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import {
  type ExplainedStep,
  type ExplainInput,
  type Explanation,
  explain as explainRequest,
} from '../credentials/explain.ts';
import { hasState, sendControl, useFolder } from './folder.ts';
import { visible } from './output.ts';

/** The options of `explain`. */
export interface ExplainOptions {
  readonly dir: string;
  readonly thing?: string;
  readonly certificate: string;
  readonly roleAlias: string;
  readonly sourceIp?: string;
  readonly json?: boolean;
}

/**
 * Prints whether a thing would get credentials, step by step; returns the exit status.
 *
 * @param refuse - called with what is wrong with a value of the command line
 */
export async function explain(
  options: ExplainOptions,
  refuse: (problem: string) => never,
): Promise<number> {
  const { dir, thing, certificate, roleAlias, sourceIp, json = false } = options;
  if (!hasState(dir)) refuse(`${dir} is not a folder of this emulator; "seed" creates one`);
  const input = {
    thingName: thing,
    certificate: readCertificate(certificate, refuse),
    roleAlias,
    sourceIp,
  };
  const explanation = await explainInFolder(dir, input);
  const lines = json ? [JSON.stringify(explanation)] : describe(explanation);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return explanation.allowed ? 0 : 1;
}

function explainInFolder(dir: string, input: ExplainInput): Promise<Explanation> {
  return useFolder(dir, {
    running: (emulator) => sendControl<Explanation>(emulator, 'POST explain', input),
    opened: ({ state }) => explainRequest(state, input, Date.now()),
  });
}

/** The id of a certificate, or the PEM text of its file. */
function readCertificate(idOrFile: string, refuse: (problem: string) => never): string {
  if (/^[0-9a-f]{64}$/i.test(idOrFile)) return idOrFile.toLowerCase();
  let text: string;
  try {
    text = readFileSync(idOrFile, 'utf8');
  } catch (error) {
    return refuse(`cannot read the certificate: ${(error as Error).message}`);
  }
  // What follows, or precedes it, is not the device's certificate, and may be its key.
  const [pem] = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(text) ?? [];
  return pem ?? refuse(`${idOrFile} contains no certificate in PEM format`);
}

const MARKS = {
  holds: ['✓', 'green'],
  fails: ['✗', 'red'],
  'not reached': ['·', 'gray'],
} as const;

/** The width of the longest name of a step. */
const NAME_WIDTH = 11;
const INDENT = ' '.repeat(NAME_WIDTH + 3);

function describe({ allowed, status, message, steps }: Explanation): readonly string[] {
  const result = allowed
    ? 'The request gets credentials.'
    : `The request gets no credentials: ${status} ${message}`;
  return [...steps.flatMap(describeStep), styleText('bold', visible(result))];
}

function describeStep({ name, outcome, seen, policy, commands }: ExplainedStep): readonly string[] {
  const [mark, color] = MARKS[outcome];
  const shown = outcome === 'not reached' ? styleText('gray', outcome) : visible(seen);
  return [
    `${styleText(color, mark)} ${name.padEnd(NAME_WIDTH)} ${shown}`,
    ...(policy === undefined
      ? []
      : [`statement: ${JSON.stringify(policy.statement)}`, `attached to: ${policy.target}`]
    ).map((line) => `${INDENT}${visible(line)}`),
    ...commands.map((command) => `${INDENT}$ ${styleText('cyan', visible(command))}`),
  ];
}
