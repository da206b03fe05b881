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
    const elsewhere = await send(listThings, { service: 's3' });
    expect(elsewhere.headers['x-amzn-errortype']).toBe('InvalidSignatureException');
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
