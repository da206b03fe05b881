import type { Warn } from '../identity/secret-file.ts';
import type { Log, LogLine } from '../observe/log.ts';
import { excerpt } from '../text.ts';
import { assertObject, invalidOption, readingOptions } from './assert.ts';

/** The maximum length of a log line: the output of a PKCS#11 library may have any length. */
const MAX_LINE_CHARACTERS = 8000;

/**
 * Checks the option `logger`.
 *
 * @returns the logger to use
 */
export function checkLogger(logger: unknown): Log | undefined {
  if (logger === undefined) return undefined;
  assertObject(logger, 'logger');
  for (const level of ['debug', 'info', 'warn', 'error']) {
    if (typeof (logger as Record<string, unknown>)[level] !== 'function') {
      throw invalidOption(
        'logger',
        `must have the methods debug, info, warn and error; ${level} is missing`,
      );
    }
  }
  return logWith(logger);
}

/**
 * The logger in the configuration of a client of the AWS SDK; undefined if there is none. It may lack methods:
 * clients do not require them.
 *
 * @param name - the name of the configuration in messages
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function loggerOfClient(
  config: { readonly logger?: unknown } | undefined,
  name: string,
): Log | undefined {
  return readingOptions(() => {
    const logger = config?.logger ?? undefined;
    if (logger === undefined) return undefined;
    assertObject(logger, `${name}.logger`);
    return logWith(logger);
  });
}

/** Wraps a logger: one line for each message. Exceptions and rejections of the logger are ignored. */
function logWith(given: Log): Log {
  const log = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string) => {
    const told = async () => given[level]?.(excerpt(message, MAX_LINE_CHARACTERS));
    // There is nowhere to report it.
    told().catch(() => {});
  };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    ...(typeof given.trace === 'function' ? { trace: log('trace') } : {}),
  };
}

/** The log functions for a token: warnings, each once, and the levels `debug` and `trace` if they are logged. */
export function logEvents(logger: Log | undefined): {
  readonly warn: Warn;
  readonly debug: LogLine | undefined;
  readonly trace: LogLine | undefined;
} {
  const warned = new Set<string>();
  return {
    warn(message) {
      // A file is read when it is validated and each time it is used.
      if (!warned.has(message)) logger?.warn?.(message);
      warned.add(message);
    },
    debug: logger?.debug,
    trace: logger?.trace,
  };
}
