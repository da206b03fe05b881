import { expect } from 'vitest';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** A logger that keeps its lines, each with its level. */
export function keepLog(levels: readonly (typeof LEVELS)[number][] = LEVELS) {
  const lines: string[] = [];
  const keep = (level: string) => (line: string) => void lines.push(`${level}: ${line}`);
  const methods = LEVELS.map((level) => [level, levels.includes(level) ? keep(level) : () => {}]);
  return { lines, logger: Object.fromEntries(methods) as Logger };
}

type Logger = Record<(typeof LEVELS)[number], (line: string) => void>;

/** Expects as many lines as patterns, each of which matches. */
export function expectStory(lines: readonly string[], patterns: readonly RegExp[]): void {
  const story = lines.join('\n');
  for (const [index, pattern] of patterns.entries()) {
    expect(lines[index], `line ${index} of\n${story}`).toMatch(pattern);
  }
  expect(lines, story).toHaveLength(patterns.length);
}
