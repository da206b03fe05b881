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

/** One exchange with an answer; this device's clock is two hours ahead of the server's. */
function exchangeWith(
  status: number,
  headers: Readonly<Record<string, string>>,
  expiration = '2026-11-30T13:00:00Z',
) {
  const credentials = { accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T', expiration };
  const body = Buffer.from(JSON.stringify(status === 200 ? { credentials } : {}));
  const explained: (number | undefined)[] = [];
  const explain = (error: unknown, serverMs?: number) => {
    explained.push(serverMs);
    return error;
  };
  const given = exchange(
    target,
    async () => ({ status, headers, body, connection: {} }),
    () => NOW_MS,
    explain,
  );
  return { given, explained };
}

const failure = async (headers: Readonly<Record<string, string>>, status = 503) => {
  const { given, explained } = exchangeWith(status, headers);
  const error = await given.then(
    () => expect.fail('the exchange should have failed'),
    (caught: CredentialHelperError) => caught,
  );
  return { error, explained };
};

describe('the life of credentials', () => {
  it('counts by the clock of the server', async () => {
    const { lifeMs, skewMs } = await exchangeWith(200, { date: SERVER_DATE }).given;
    expect([lifeMs, skewMs]).toEqual([3 * 3_600_000, 2 * 3_600_000]);
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
