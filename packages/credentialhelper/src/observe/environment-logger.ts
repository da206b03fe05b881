import { writeSync } from 'node:fs';
import { visible } from '../text.ts';
import type { Log } from './log.ts';

/** From the most to the least verbose. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/**
 * The log that the environment variable `AWS_IOT_LOG` sets: its value is the level, and lines go to stderr.
 *
 * @returns undefined if it is not set, or not a level
 */
export function environmentLogger(): Log | undefined {
  const least = (LEVELS as readonly unknown[]).indexOf(level());
  if (least === -1) return undefined;
  const enabled = LEVELS.slice(least).map((name) => [
    name,
    (line: string) => write(`awsiot-credentialhelper: ${name}: ${visible(line)}\n`),
  ]);
  return Object.fromEntries(enabled);
}

function level(): string | undefined {
  try {
    // biome-ignore lint/style/noProcessEnv: this is the variable that enables logging
    return process.env.AWS_IOT_LOG;
  } catch {
    // Deno does not show it without --allow-env.
    return undefined;
  }
}

const STDERR = 2;

function write(line: string): void {
  try {
    // Not `process.stderr`, which ends the process if nobody reads it any more.
    writeSync(STDERR, line);
  } catch {
    // There is nowhere to report it.
  }
}
