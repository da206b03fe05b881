import { styleText } from 'node:util';
import { visible } from '../../text.ts';
import type { Finding, Remedy } from './finding.ts';
import { explainPlaceholders } from './service.ts';

/** The form of findings on a terminal. */
export interface Style {
  /** Whether the terminal shows characters other than ASCII. */
  readonly isUnicode: boolean;
  readonly isColored: boolean;
}

/** The form of this process's output. */
export function styleOf(
  environment: NodeJS.ProcessEnv,
  output: Pick<NodeJS.WriteStream, 'isTTY' | 'hasColors'>,
): Style {
  const { LC_ALL, LC_CTYPE, LANG, NO_COLOR, FORCE_COLOR } = environment;
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  const isForced = FORCE_COLOR !== undefined && !['0', 'false'].includes(FORCE_COLOR);
  const isAllowed = !NO_COLOR && FORCE_COLOR === undefined && output.isTTY;
  return {
    // Windows and macOS always show them.
    isUnicode: process.platform !== 'linux' || /utf-?8/i.test(locale),
    isColored: isForced || (isAllowed && output.hasColors()),
  };
}

const MARKS = {
  ok: { unicode: '✓', ascii: 'ok  ', color: 'green' },
  warn: { unicode: '!', ascii: 'warn', color: 'yellow' },
  failed: { unicode: '✗', ascii: 'FAIL', color: 'red' },
  skipped: { unicode: '–', ascii: '-   ', color: 'gray' },
} as const;

/** The width of the longest name of a step. */
const STEP_WIDTH = 11;

/** The lines of a finding: mark, step and what was seen; for a problem also what to do. */
export function linesOf(finding: Finding, { isUnicode, isColored }: Style): readonly string[] {
  const { step, status, seen, details = [], remedy } = finding;
  const { unicode, ascii, color } = MARKS[status];
  const mark = isUnicode ? unicode : ascii;
  const paint = (text: string) => (isColored ? styleText(color, text) : text);
  const indent = ' '.repeat(mark.length + 1);
  return [
    `${paint(mark)} ${step.padEnd(STEP_WIDTH)} ${visible(seen)}`,
    ...details.map((text) => `${indent}${' '.repeat(STEP_WIDTH)}   ${visible(text)}`),
    ...remedyLines(remedy).map((text) => `${indent}  ${visible(text)}`),
  ];
}

const PURPOSES = { show: 'show', fix: 'fix ', or: 'or  ' } as const;

function remedyLines(remedy: Remedy | undefined): readonly string[] {
  if (remedy === undefined) return [];
  const { what, commands = [] } = remedy;
  const placeholders = explainPlaceholders(commands);
  return [
    ...(what === '' ? [] : [what]),
    ...commands.map(({ purpose, command }) => `${PURPOSES[purpose]}  ${command}`),
    ...(placeholders === undefined ? [] : [`(${placeholders})`]),
  ];
}

/** The last line: what the findings say together. */
export function summaryOf(findings: readonly Finding[]): string {
  const steps = findings.filter(({ status }) => status === 'failed').map(({ step }) => step);
  const warnings = findings.filter(({ status }) => status === 'warn').length;
  const noted = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  if (steps.length === 0) return `all is well${noted}`;
  return `broken: ${steps.join(', ')}${noted}`;
}
