// Whatever the server responds: credentials that are in it, or an error of this package that shows nothing of them.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/error-codes.ts';
import { isCredentialHelperError } from '../../src/errors.ts';
import { type Exchanged, exchange } from '../../src/exchange/exchange.ts';
import { parseEndpoint } from '../../src/options/endpoint.ts';
import { pins } from '../support/mistyped.ts';
import { allOf, Planted } from '../support/planted.ts';

const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const target = {
  ...parseEndpoint('abc.credentials.iot.eu-west-1.amazonaws.com'),
  roleAlias: 'alias',
  thingName: 'thing',
  userAgent: '',
};

interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One exchange with a response: credentials or an error. */
function outcomeOf(response: Response): Promise<Exchanged | Error> {
  return exchange(
    target,
    async () => ({ ...response, connection: {} }),
    () => NOW_MS,
    (error) => error,
  ).catch((error: Error) => error);
}

const text = fc.string({ unit: 'binary', maxLength: 60 });
const date = fc.oneof(
  { weight: 4, arbitrary: fc.constant(new Date(NOW_MS).toUTCString()) },
  fc
    .integer({ min: NOW_MS - WEEK_MS, max: NOW_MS + WEEK_MS })
    .map((ms) => new Date(ms).toUTCString()),
  fc.constantFrom('Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', '', 'today'),
  text,
);
const headers: fc.Arbitrary<Record<string, string>> = fc.record(
  {
    date,
    'retry-after': fc.oneof(fc.nat().map(String), date, text),
    'x-amzn-errortype': fc.oneof(
      fc.constantFrom('ThrottlingException', 'AccessDeniedException:http://x/', '__proto__'),
      text,
    ),
    'x-amzn-requestid': text,
    'content-type': text,
    'content-encoding': text,
    location: text,
  },
  { requiredKeys: [] },
);
const status = fc.oneof(
  { weight: 8, arbitrary: fc.constant(200) },
  fc.constantFrom(101, 201, 204, 301, 304, 400, 403, 404, 408, 429, 500, 503),
  fc.integer({ min: 100, max: 599 }),
);

const expiration = fc.oneof(
  { weight: 4, arbitrary: fc.constant('2026-11-30T13:00:00Z') },
  fc.integer({ min: NOW_MS - WEEK_MS, max: NOW_MS + 2 * WEEK_MS }).map((ms) => {
    return new Date(ms).toISOString();
  }),
  fc.constantFrom('2026-11-30T13:00:00', '2026-11-30T13:00:00+01:00', '2026-11-30T25:61:00Z'),
  fc.constantFrom('2026-11-30', '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z', '1e9', ''),
);
const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('', 'a b', 'a\nb', 'ä', '\0'));
/** The member of a document: as it should be, or something else, or missing. */
const member = <T>(right: fc.Arbitrary<T>) => fc.oneof({ weight: 8, arbitrary: right }, odd);
const secret = pins.filter((one) => /^[!-~]+$/.test(one));
const members = {
  accessKeyId: member(fc.constant('ASIAEXAMPLE')),
  secretAccessKey: member(secret),
  sessionToken: member(secret),
  expiration: member(expiration),
  __proto__: fc.constant('x'),
};
const credentials = fc.oneof(
  { weight: 4, arbitrary: fc.record(members) },
  { weight: 1, arbitrary: fc.record(members, { requiredKeys: [] }) },
);
const document = fc.oneof(
  { weight: 4, arbitrary: credentials.map((one) => ({ credentials: one })) },
  { weight: 1, arbitrary: credentials },
  fc.jsonValue(),
  fc.record({ message: text.map((one) => one.repeat(100)) }),
  fc.record({ message: text, Message: text, __type: text }, { requiredKeys: [] }),
);
const body = fc.oneof(
  { weight: 4, arbitrary: document.map((one) => Buffer.from(JSON.stringify(one))) },
  text.map((one) => Buffer.from(one)),
  fc.uint8Array({ maxLength: 300 }),
);

describe('a response', () => {
  it('has credentials, which are returned unchanged, or becomes an error with a code', async () => {
    const seen = { credentials: 0, errors: 0 };
    await fc.assert(
      fc.asyncProperty(status, headers, body, async (code, fields, bytes) => {
        const outcome = await outcomeOf({ status: code, headers: fields, body: bytes });
        if (outcome instanceof Error) {
          seen.errors++;
          assert(outcome, code);
          return;
        }
        seen.credentials++;
        expect(code).toBe(200);
        const { lifeMs, skewMs, credentials: given } = outcome;
        const parsed = JSON.parse(Buffer.from(bytes).toString()).credentials;
        const { expiration: end, ...strings } = given;
        for (const [name, value] of Object.entries(strings)) {
          expect(value).toMatch(/^[!-~]+$/);
          expect(value).toBe(parsed[name]);
        }
        expect(end.toISOString().slice(0, 10)).toMatch(/^\d{4}-/);
        expect(lifeMs).toBeGreaterThan(0);
        expect(lifeMs).toBeLessThanOrEqual(WEEK_MS);
        // By the server's clock, which may be ahead of a date in whole seconds.
        const nowMs = skewMs === undefined ? NOW_MS : NOW_MS - skewMs + 999;
        expect(nowMs + lifeMs).toBeLessThanOrEqual(end.getTime());
      }),
      { numRuns: 1000 },
    );
    // Both are generated.
    expect(seen.credentials).toBeGreaterThan(50);
    expect(seen.errors).toBeGreaterThan(200);
  });

  /** The error for a response. */
  function assert(error: Error, code: number) {
    if (!isCredentialHelperError(error)) throw error;
    expect(ERROR_CODES).toHaveProperty(error.code);
    expect(error.httpStatus).toBe(code);
    expect(`${error.message}${error.hint}${error.requestId}`).not.toMatch(/\p{Cc}/u);
    expect(error.message.length).toBeLessThan(1000);
    const { retryAfterMs = 0 } = error;
    expect(retryAfterMs).toBeGreaterThanOrEqual(0);
  }

  /** Distortions of a document. */
  const spoil = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }).map((part) => (json: Buffer) => {
      return json.subarray(0, Math.floor(part * json.length));
    }),
    fc
      .tuple(fc.double({ min: 0, max: 0.99, noNaN: true }), fc.uint8Array({ maxLength: 4 }))
      .map(([part, more]) => (json: Buffer) => {
        const at = Math.floor(part * json.length);
        return Buffer.concat([json.subarray(0, at), more, json.subarray(at)]);
      }),
    fc.constant((json: Buffer) => Buffer.from(json.toString(), 'utf16le')),
    fc.constant((json: Buffer) => Buffer.from(json.toString('base64'))),
    fc.constant((json: Buffer) => Buffer.concat([Buffer.from('['), json, Buffer.from(']')])),
    fc.constant((json: Buffer) => Buffer.from(json.toString().replace('expiration', 'Expiration'))),
    fc.constant((json: Buffer) => Buffer.from(json.toString().replaceAll('"', "'"))),
    fc.constant((json: Buffer) => gzipSync(json)),
    fc.constant((json: Buffer) => Buffer.from(json.toString().slice(1))),
  );

  it('with damaged credentials shows nothing of them', async () => {
    await fc.assert(
      fc.asyncProperty(secret, secret, spoil, headers, async (key, token, damage, fields) => {
        const planted = new Planted(key, token);
        const json = JSON.stringify({
          credentials: {
            accessKeyId: 'ASIAEXAMPLE',
            secretAccessKey: key,
            sessionToken: token,
            expiration: '2026-11-30T13:00:00Z',
          },
        });
        const response = { status: 200, headers: fields, body: damage(Buffer.from(json)) };
        const outcome = await outcomeOf(response);
        if (outcome instanceof Error) expect(planted.find(allOf(outcome))).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('of another status shows nothing of credentials in its body', async () => {
    await fc.assert(
      fc.asyncProperty(status, secret, fc.nat({ max: 80 }), async (code, key, cut) => {
        if (code === 200) return;
        const json = JSON.stringify({ credentials: { secretAccessKey: key, sessionToken: key } });
        const body = Buffer.from(json).subarray(0, json.length - cut);
        const outcome = await outcomeOf({ status: code, headers: {}, body });
        expect(new Planted(key).find(allOf(outcome))).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
