import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { type RawRequest, type SignOptions, sendRaw, signRaw } from '../../support/raw-api.ts';

const emulator = await startEmulator({ region: 'eu-north-1' });
afterAll(() => emulator.close());

const listThings: RawRequest = { method: 'GET', path: '/things' };
const whoAmI: RawRequest = {
  method: 'POST',
  path: '/',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: 'Action=GetCallerIdentity&Version=2011-06-15',
};
const send = async (raw: RawRequest, options?: SignOptions) =>
  sendRaw(emulator, await signRaw(emulator, raw, options));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const old = new Date(Date.now() - 6 * 60_000);
const early = new Date(Date.now() + 6 * 60_000);
const refusals: readonly [string, SignOptions, string, string][] = [
  [
    'an unknown key',
    { accessKeyId: 'AKIAUNKNOWN' },
    'UnrecognizedClientException',
    'InvalidClientTokenId',
  ],
  [
    'a wrong secret',
    { secretAccessKey: 'wrong' },
    'InvalidSignatureException',
    'SignatureDoesNotMatch',
  ],
  ['an old signature', { date: old }, 'InvalidSignatureException', 'SignatureDoesNotMatch'],
  ['a signature to come', { date: early }, 'InvalidSignatureException', 'SignatureDoesNotMatch'],
  ['another region', { region: 'us-west-2' }, 'InvalidSignatureException', 'SignatureDoesNotMatch'],
];

describe('a request to AWS IoT', () => {
  it('succeeds', async () => {
    const { status, headers, body } = await send(listThings);
    expect({ status, body }).toEqual({ status: 200, body: '{"things":[]}' });
    expect(headers['content-type']).toBe('application/json');
    expect(headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each(refusals)(
    'with %s is rejected in the format of restJson1',
    async (_name, options, code) => {
      const { status, headers, body } = await send(listThings, options);
      expect(status).toBe(403);
      expect(headers['x-amzn-errortype']).toBe(code);
      expect(JSON.parse(body)).toEqual({ message: expect.any(String) });
    },
  );

  it('is rejected if it is not signed, or only partly', async () => {
    const unsigned = await sendRaw(emulator, listThings);
    expect(unsigned.headers['x-amzn-errortype']).toBe('MissingAuthenticationTokenException');
    const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=AKIA/20260101/' };
    const half = await sendRaw(emulator, { ...listThings, headers });
    expect(half.headers['x-amzn-errortype']).toBe('IncompleteSignatureException');
  });

  it('is rejected if path, query, header or body were changed', async () => {
    const create: RawRequest = { method: 'POST', path: '/things/one', body: '{}' };
    const signed = await signRaw(emulator, create);
    const changed: RawRequest[] = [
      { ...signed, path: '/things/two' },
      { ...signed, path: '/things/one?x=1' },
      { ...signed, method: 'PUT' },
      { ...signed, body: '{"thingTypeName":"x"}' },
      { ...signed, headers: { ...signed.headers, 'x-amz-date': '20200101T000000Z' } },
    ];
    for (const raw of changed) {
      const { status, headers } = await sendRaw(emulator, raw);
      expect(status).toBe(403);
      expect(headers['x-amzn-errortype']).toBe('InvalidSignatureException');
    }
    expect((await sendRaw(emulator, signed)).status).toBe(200);
  });

  it('can be presigned, with an expiration', async () => {
    expect((await send(listThings, { presignSeconds: 60 })).status).toBe(200);
    const date = new Date(Date.now() - 30_000);
    expect((await send(listThings, { presignSeconds: 60, date })).status).toBe(200);
    expect((await send(listThings, { presignSeconds: 20, date })).status).toBe(403);
    const signed = await signRaw(emulator, listThings, { presignSeconds: 60 });
    const longer = { ...signed, path: signed.path.replace('Expires=60', 'Expires=61') };
    expect((await sendRaw(emulator, longer)).status).toBe(403);
    const moved = { ...signed, path: signed.path.replace('/things', '/role-aliases') };
    expect((await sendRaw(emulator, moved)).status).toBe(403);
  });

  it('for an unknown operation is rejected', async () => {
    const { status, headers } = await send({ method: 'GET', path: '/nothing' });
    expect(status).toBe(404);
    expect(headers['x-amzn-errortype']).toBe('UnknownOperationException');
  });
});

describe('the signed header fields', () => {
  const fields = { 'x-first': '1', 'x-second': '2' };
  const signedHeaders = (raw: RawRequest) =>
    /SignedHeaders=([^,]+)/.exec(String(raw.headers?.authorization))?.[1]?.split(';') ?? [];
  const resigned = (raw: RawRequest, names: readonly string[]): RawRequest => {
    const authorization = String(raw.headers?.authorization).replace(
      /SignedHeaders=[^,]+/,
      `SignedHeaders=${names.join(';')}`,
    );
    return { ...raw, headers: { ...raw.headers, authorization } };
  };

  it.each<[string, (names: readonly string[]) => readonly string[], number]>([
    ['sorted', (names) => names, 200],
    ['not sorted', (names) => names.toReversed(), 403],
    ['sorted but for the last two', (names) => [...names.slice(0, -2), ...swapped(names)], 403],
    ['repeated', (names) => names.flatMap((name) => [name, name]), 403],
    ['repeated at the end', (names) => [...names, ...names.slice(0, 1)], 403],
    ['in upper case', (names) => names.map((name) => name.toUpperCase()), 403],
    ['with an empty one', (names) => ['', ...names], 403],
    ['with one that was not sent', (names) => [...names, 'x-zzz'], 403],
    ['without one that was signed', (names) => names.slice(0, -1), 403],
  ])('are named %s', async (_how, change, status) => {
    const signed = await signRaw(emulator, { ...listThings, headers: fields });
    const answer = await sendRaw(emulator, resigned(signed, change(signedHeaders(signed))));
    expect(answer.status).toBe(status);
    if (status === 200) return;
    expect(answer.headers['x-amzn-errortype']).toBe('InvalidSignatureException');
  });

  const swapped = (names: readonly string[]) => names.slice(-2).toReversed();

  it('may be sent several times: their values are signed in this order', async () => {
    const twice = { ...listThings, headers: { 'x-twice': ['b', 'a'] } };
    const signed = await signRaw(emulator, twice);
    expect((await sendRaw(emulator, signed)).status).toBe(200);
    const other = { ...signed, headers: { ...signed.headers, 'x-twice': ['a', 'b'] } };
    expect((await sendRaw(emulator, other)).status).toBe(403);
    const more = { ...signed, headers: { ...signed.headers, 'x-twice': ['b', 'a', 'a'] } };
    expect((await sendRaw(emulator, more)).status).toBe(403);
  });

  it.each(['constructor', '__proto__', 'tostring', 'valueof', 'hasownproperty'])(
    'may be named %s',
    async (name) => {
      const headers = Object.fromEntries([[name, 'one']]);
      const signed = await signRaw(emulator, { ...listThings, headers });
      expect((await sendRaw(emulator, signed)).status).toBe(200);
      const other = { ...signed.headers, ...Object.fromEntries([[name, 'two']]) };
      expect((await sendRaw(emulator, { ...signed, headers: other })).status).toBe(403);
      const { [name]: _, ...without } = signed.headers ?? {};
      expect((await sendRaw(emulator, { ...signed, headers: without })).status).toBe(403);
    },
  );

  it('may have the date in Date alone', async () => {
    const { headers = {}, ...raw } = await signRaw(emulator, listThings);
    const { 'x-amz-date': date = '', authorization: _, ...rest } = headers;
    const { host } = new URL(emulator.apiEndpoint);
    const { accessKeyId, secretAccessKey } = emulator.administrator;
    const scope = [String(date).slice(0, 8), emulator.region, 'iot', 'aws4_request'];
    const canonical = ['GET', '/things', '', `date:${date}`, `host:${host}`, '', 'date;host'];
    const request = [...canonical, sha256('')].join('\n');
    const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(request)].join('\n');
    const sign = (key: string | Buffer, of: string) =>
      createHmac('sha256', key).update(of).digest();
    const key = scope.reduce<string | Buffer>(sign, `AWS4${secretAccessKey}`);
    const authorization = (signature: string) =>
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.join('/')}, SignedHeaders=date;host, Signature=${signature}`;
    const send = async (signature: string) =>
      sendRaw(emulator, {
        ...raw,
        headers: { ...rest, date, authorization: authorization(signature) },
      });
    expect((await send(sign(key, text).toString('hex'))).status).toBe(200);
    expect((await send('0'.repeat(64))).status).toBe(403);
  });

  it('are in one Authorization, with each part once', async () => {
    const signed = await signRaw(emulator, listThings);
    const authorization = `${signed.headers?.authorization}, Signature=${'0'.repeat(64)}`;
    const headers = { ...signed.headers, authorization };
    const answer = await sendRaw(emulator, { ...signed, headers });
    expect(answer.headers['x-amzn-errortype']).toBe('IncompleteSignatureException');
  });
});

describe('the query', () => {
  it.each([
    ['a parameter several times', '/things?nextToken=b&nextToken=a'],
    ['a parameter without a value', '/things?nextToken='],
    ['an encoded slash', '/things/a%2Fb'],
    ['an encoded space', '/things?nextToken=a%20b'],
    ['a parameter of each object', '/things?constructor=1&toString=2'],
  ])('is verified with %s', async (_name, path) => {
    for (const options of [{}, { presignSeconds: 60 }]) {
      const signed = await signRaw(emulator, { method: 'GET', path }, options);
      expect((await sendRaw(emulator, signed)).status).toBeOneOf([400, 404]);
      const other = { ...signed, path: signed.path.replace(/[ab12](?=&|$)|things/, 'c') };
      expect((await sendRaw(emulator, other)).status).toBe(403);
    }
  });

  it('is verified with the name of each prototype, as another program signs it', async () => {
    const { accessKeyId, secretAccessKey } = emulator.administrator;
    const { stdout } = await promisify(execFile)('curl', [
      ...['--silent', '--user', `${accessKeyId}:${secretAccessKey}`],
      ...['--aws-sigv4', `aws:amz:${emulator.region}:iot`],
      `${emulator.apiEndpoint}/things?__proto__=1&constructor=2`,
    ]);
    expect(JSON.parse(stdout)).toEqual({ message: 'not emulated: __proto__' });
  });

  it('may be encoded in another way than it is signed', async () => {
    const path = '/things?attributeName=a.b~c&attributeValue=x%20y';
    const signed = await signRaw(emulator, { method: 'GET', path: path.replace('x%20y', 'x y') });
    const other = { ...signed, path: path.replace('a.b~c', '%61%2eb%7Ec').replace('%20', '+') };
    expect((await sendRaw(emulator, other)).status).toBe(400);
  });

  it.each([
    ['604800', 200],
    ['604801', 403],
    ['-1', 403],
    ['', 403],
    ['1e3', 403],
  ])('is not valid for %j seconds: %i', async (expires, status) => {
    const signed = await signRaw(emulator, listThings, { presignSeconds: 604_800 });
    const path = signed.path.replace('Expires=604800', `Expires=${expires}`);
    const answer = await sendRaw(emulator, { ...signed, path });
    expect(answer.status).toBe(status);
    if (status === 200) return;
    expect(answer.headers['x-amzn-errortype']).toBe('IncompleteSignatureException');
  });
});

describe('a request to AWS STS', () => {
  it.each(refusals)('with %s is rejected in the format of the query protocol', async (...row) => {
    const [, options, , code] = row;
    const { status, headers, body } = await send(whoAmI, { service: 'sts', ...options });
    expect(status).toBe(403);
    expect(headers['content-type']).toBe('text/xml');
    expect(body).toContain('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">');
    expect(body).toContain(`<Code>${code}</Code>`);
    expect(body).toContain(`<RequestId>${headers['x-amzn-requestid']}</RequestId>`);
  });

  it('can be presigned, as for proofs of identity', async () => {
    const raw = { method: 'GET', path: `/?${whoAmI.body}` };
    const { status, headers, body } = await send(raw, { service: 'sts', presignSeconds: 60 });
    expect(status).toBe(200);
    expect(body).toContain(`<RequestId>${headers['x-amzn-requestid']}</RequestId>`);
    expect(body).toContain(`<Arn>arn:aws:iam::${emulator.accountId}:root</Arn>`);
  });

  it('without a signature is rejected', async () => {
    const { status, body } = await sendRaw(emulator, whoAmI);
    expect(status).toBe(403);
    expect(body).toContain('<Code>MissingAuthenticationToken</Code>');
  });
});
