import { describe, expect, it } from 'vitest';
import type { CredentialHelperError } from '../../src/errors.ts';
import { exchange } from '../../src/exchange/exchange.ts';
import { parseEndpoint } from '../../src/options/endpoint.ts';

const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
const SERVER_DATE = 'Mon, 30 Nov 2026 10:00:00 GMT';
const target = {
  ...parseEndpoint('abc.credentials.iot.eu-west-1.amazonaws.com'),
  roleAlias: 'alias',
  thingName: undefined,
  userAgent: '',
};

const CREDENTIALS = { accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' };

/** One exchange with an answer; this device's clock is two hours ahead of the server's. */
function exchangeWith(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: unknown = {},
) {
  const credentials = { ...CREDENTIALS, expiration: '2026-11-30T13:00:00Z' };
  const content = status === 200 ? { credentials } : body;
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  const explained: (number | undefined)[] = [];
  const explain = (error: unknown, serverMs?: number) => {
    explained.push(serverMs);
    return error;
  };
  const given = exchange(
    target,
    async () => ({ status, headers, body: bytes }),
    () => NOW_MS,
    explain,
  );
  return { given, explained };
}

const failure = async (
  headers: Readonly<Record<string, string>>,
  status = 503,
  body: unknown = {},
) => {
  const { given, explained } = exchangeWith(status, headers, body);
  const error = await given.then(
    () => expect.fail('the exchange should have failed'),
    (caught: CredentialHelperError) => caught,
  );
  return { error, explained };
};

describe('the life of credentials', () => {
  it('counts by the clock of the server, which may be almost a second ahead of its date', async () => {
    const { lifeMs, skewMs } = await exchangeWith(200, { date: SERVER_DATE }).given;
    expect([lifeMs, skewMs]).toEqual([3 * 3_600_000 - 999, 2 * 3_600_000]);
  });

  it.each([
    ['none', {}],
    ['an empty one', { date: '' }],
    ['a number', { date: '12' }],
    ['text with a number', { date: 'about 10' }],
    ['a day that is none', { date: 'Mon, 99 Nov 2026 10:00:00 GMT' }],
    ['another form', { date: '2026-11-30T10:00:00Z' }],
  ])(
    'counts by the clock of this device where the answer has no date, but %s',
    async (_, headers) => {
      const { lifeMs, skewMs } = await exchangeWith(200, headers).given;
      expect([lifeMs, skewMs]).toEqual([3_600_000, undefined]);
    },
  );

  it.each([
    ['Thu, 01 Jan 1970 00:00:00 GMT', 'ERR_RESPONSE_INVALID'],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 'ERR_CREDENTIALS_EXPIRED'],
  ])('is not guessed where the server says %s', async (date, code) => {
    expect((await failure({ date }, 200)).error.code).toBe(code);
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Mon, 30 Nov 2026 10:01:00 GMT', 60_000],
  ])('of %s is what the server asks for', async (text, ms) => {
    const { error } = await failure({ 'retry-after': text, date: SERVER_DATE });
    expect(error.retryAfterMs).toBe(ms);
  });

  it.each(['99999999999', '9'.repeat(150)])('of %s counts, too', async (text) => {
    const { error } = await failure({ 'retry-after': text, date: SERVER_DATE });
    expect(error.retryAfterMs).toBeGreaterThan(1e12);
  });

  it.each(['-5', '1.5', 'soon', 'in 2027', 'Mon, 30 Nov 2026 09:00:00 GMT', ''])(
    'of "%s" says nothing',
    async (text) => {
      const { error } = await failure({ 'retry-after': text, date: SERVER_DATE });
      expect(error.retryAfterMs).toBeUndefined();
    },
  );

  it('with a date is of no use without the date of the answer', async () => {
    const { error } = await failure({ 'retry-after': SERVER_DATE });
    expect(error.retryAfterMs).toBeUndefined();
  });
});

it('a date that is none explains no error', async () => {
  expect((await failure({ date: '12' }, 403)).explained).toEqual([undefined]);
  expect((await failure({ date: SERVER_DATE }, 403)).explained).toEqual([Date.parse(SERVER_DATE)]);
});

describe('what the server says about an error is a part of the message', () => {
  const TYPE = 'com.amazonaws.iot#AccessDeniedException:http://internal.amazon.com/coral/';

  it.each<[string, string, Record<string, string>, unknown]>([
    ['a message', 'No way', {}, { message: 'No way' }],
    ['a message in upper case', 'No way', {}, { Message: 'No way' }],
    ['a message of another name', 'No way', {}, { errorMessage: 'No way' }],
    ['an empty message, and another', 'No way', {}, { message: '', Message: 'No way' }],
    ['a message within "error"', 'No way', {}, { Error: { Code: 'No', Message: 'No way' } }],
    ['plain text', 'No way', {}, 'No way\n'],
    ['a type in a header field', 'AccessDeniedException', { 'x-amzn-errortype': TYPE }, {}],
    ['a type in the body', 'AccessDeniedException', {}, { __type: TYPE }],
    ['a code in the body', 'AccessDenied', {}, { Code: 'AccessDenied', message: null }],
    ['a message and a type', 'No way', { 'x-amzn-errortype': TYPE }, { message: 'No way' }],
    ['a page and a type', 'AccessDeniedException', { 'x-amzn-errortype': TYPE }, '<html></html>'],
  ])('as %s', async (_name, said, headers, body) => {
    const { error } = await failure(headers, 403, body);
    expect(error.code).toBe('ERR_ACCESS_DENIED');
    expect(error.message).toMatch(new RegExp(`: HTTP 403: ${said}$`));
  });

  it.each([{}, [], { message: 5, __type: {} }, '<html>Sign in</html>', '\ufffd', ''])(
    'unless it says nothing: %j',
    async (body) => {
      expect((await failure({}, 403, body)).error.message).toMatch(/: HTTP 403$/);
    },
  );

  it.each<[Record<string, string>, unknown]>([
    [{ 'x-amzn-errortype': 'ThrottlingException:' }, {}],
    [{}, { __type: 'com.amazonaws.iot#ThrottledException' }],
    [{}, { code: 'Throttling' }],
  ])('and a type that throttles is known: %j %j', async (headers, body) => {
    expect((await failure(headers, 400, body)).error.code).toBe('ERR_THROTTLED');
  });
});
