import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../src/error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../src/errors.ts';

const error = new CredentialHelperError('the token "a: b" rejected the PIN', {
  code: 'ERR_PIN_INCORRECT',
  hint: 'correct it',
});

describe('an error', () => {
  it('has its code in the first line of its stack', () => {
    const [first] = `${error.stack}`.split('\n');
    expect(first).toBe(
      'CredentialHelperError [ERR_PIN_INCORRECT]: the token "a: b" rejected the PIN',
    );
  });

  it('has the properties of its code', () => {
    expect(error.retryable).toBe(false);
    expect(new CredentialHelperError('x', { code: 'ERR_SERVICE' }).retryable).toBe(true);
  });

  it('is recognized after structuredClone(), with its code', () => {
    const copy: unknown = structuredClone(error);
    expect(isCredentialHelperError(copy)).toBe(true);
    expect(copy).toMatchObject({
      name: 'CredentialHelperError',
      code: 'ERR_PIN_INCORRECT',
      message: error.message,
      retryable: false,
      tryNextLink: false,
    });
    expect(isCredentialHelperError(copy), 'asked again').toBe(true);
  });

  it('is known if it is the cause of a copy', () => {
    const inner = new CredentialHelperError('x', { code: 'ERR_TLS_VERSION', cause: error });
    const { cause } = structuredClone(new Error('of the application', { cause: inner }));
    expect(isCredentialHelperError(cause) && cause.code).toBe('ERR_TLS_VERSION');
    const innermost = (cause as Error).cause;
    expect(isCredentialHelperError(innermost) && innermost.code).toBe('ERR_PIN_INCORRECT');
  });

  it.each<[string, () => unknown]>([
    ['call sites', () => [{}]],
    ['a number', () => 7],
    ['nothing', () => null],
  ])('keeps what an application makes of its stack: %s', (_name, prepare) => {
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = prepare;
    try {
      const { code, message, stack } = new CredentialHelperError('x', { code: 'ERR_SERVICE' });
      expect([code, message]).toEqual(['ERR_SERVICE', 'x']);
      expect(stack).toEqual(prepare());
    } finally {
      Error.prepareStackTrace = before;
    }
  });

  it('has no stack if an application wants none', () => {
    const { stackTraceLimit } = Error;
    Reflect.deleteProperty(Error, 'stackTraceLimit');
    try {
      expect(new CredentialHelperError('x', { code: 'ERR_SERVICE' }).stack).toBeUndefined();
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });

  it('is recognized in another thread, and back', async () => {
    const worker = new Worker(
      'const { parentPort } = require("node:worker_threads"); parentPort.once("message", (error) => parentPort.postMessage(error));',
      { eval: true },
    );
    worker.postMessage(error);
    const [copy] = await once(worker, 'message');
    expect(isCredentialHelperError(copy) && copy.code).toBe('ERR_PIN_INCORRECT');
  });
});

describe('isCredentialHelperError', () => {
  it('recognizes an error that another thread did not catch', async () => {
    const library = new URL('../dist/index.js', import.meta.url);
    const worker = new Worker(
      `import('${library}').then((library) => library.createSession({}));`,
      {
        eval: true,
      },
    );
    const [uncaught] = await once(worker, 'error').catch((error: unknown) => [error]);
    expect(isCredentialHelperError(uncaught) && [uncaught.code, uncaught.retryable]).toEqual([
      'ERR_INVALID_OPTION',
      false,
    ]);
  });

  it.each([
    undefined,
    'ERR_SERVICE',
    { name: 'CredentialHelperError', code: 'ERR_SERVICE' },
    new Error('CredentialHelperError [ERR_SERVICE]: x'),
    Object.assign(new Error('x'), { name: 'CredentialHelperError', code: 'toString' }),
    structuredClone(new RangeError('x')),
  ])('is false for %s', (value) => {
    expect(isCredentialHelperError(value)).toBe(false);
  });

  it.each(['name', 'code', 'stack'])('is false for an error whose %s cannot be read', (member) => {
    const get = () => {
      throw new Error('not this one');
    };
    expect(isCredentialHelperError(Object.defineProperty(new Error('x'), member, { get }))).toBe(
      false,
    );
  });

  it('is true for a frozen error, and false for a frozen copy, which cannot get its code back', () => {
    expect(
      isCredentialHelperError(
        Object.freeze(new CredentialHelperError('x', { code: 'ERR_SERVICE' })),
      ),
    ).toBe(true);
    expect(isCredentialHelperError(Object.freeze(structuredClone(error)))).toBe(false);
  });

  it('recognizes the error of another copy of the package', () => {
    const other = Object.assign(new Error('x'), {
      name: 'CredentialHelperError',
      code: 'ERR_SERVICE',
    });
    expect(isCredentialHelperError(other)).toBe(true);
  });

  it('narrows to a union over the codes', () => {
    const value: unknown = error;
    if (!isCredentialHelperError(value)) throw new Error('it is one');
    expectTypeOf(value.code).toEqualTypeOf<ErrorCode>();
    if (value.code === 'ERR_SERVICE') {
      expectTypeOf(value).toEqualTypeOf<CredentialHelperError<'ERR_SERVICE'>>();
      expectTypeOf(value.retryable).toEqualTypeOf<true>();
    }
    // @ts-expect-error: there is no such code
    expect(value.code === 'ERR_SERVICES').toBe(false);
  });
});

describe('the table of codes', () => {
  it.each(Object.entries(ERROR_CODES))('%s says what it means and what to do', (_, kind) => {
    for (const text of [kind.meaning, kind.remedy]) expect(text).toMatch(/^[a-zA-Z].{8,}[^.]$/);
  });
});
