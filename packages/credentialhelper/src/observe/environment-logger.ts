import { visible } from '../text.ts';

/** From the most to the least verbose. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** The methods of the AWS SDK's `Logger`. */
type EnvironmentLogger = Record<'debug' | 'info' | 'warn' | 'error', (line: string) => void> & {
  readonly trace?: (line: string) => void;
};

/**
 * The logger set by the environment variable `AWS_IOT_LOG`: its value is the level, and lines go to stderr.
 *
 * @returns undefined if it is not set, or not a level
 */
export function environmentLogger(): EnvironmentLogger | undefined {
  // biome-ignore lint/style/noProcessEnv: this is the variable that enables logging
  const least = (LEVELS as readonly unknown[]).indexOf(process.env.AWS_IOT_LOG);
  if (least === -1) return undefined;
  const write = (level: (typeof LEVELS)[number]) => (line: string) => {
    if (LEVELS.indexOf(level) < least) return;
    process.stderr.write(`awsiot-credentialhelper: ${level}: ${visible(line)}\n`);
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    ...(least === 0 ? { trace: write('trace') } : {}),
  };
}
