import { describe, expect, it } from 'vitest';
import { CredentialHelperError } from '../../src/errors.ts';
import { containerContract } from '../../src/server/container.ts';
import { fakeServed, serveContract } from '../support/local-server.ts';
import { send } from '../support/serve.ts';

const one = fakeServed();
const two = fakeServed();
const { base } = await serveContract(
  containerContract([
    { path: '/things/a:b/credentials', token: 'token-of-one-1234', served: one },
    { path: '/things/two/credentials', token: 'token-of-two-1234', served: two },
  ]),
);
const get = async (path: string, authorization?: string) => {
  const headers = authorization === undefined ? {} : { authorization };
  const { status, body } = await send(`${base}${path}`, headers);
  return { status, body: JSON.parse(body) };
};

describe('the contract of containers', () => {
  it('has a path and a token for each thing', async () => {
    const mine = await get('/things/a:b/credentials', 'token-of-one-1234');
    expect([mine.status, mine.body.AccessKeyId]).toEqual([200, 'ASIAEXAMPLE']);
    expect((await get('/things/a%3Ab/credentials', 'token-of-one-1234')).status).toBe(200);
    expect((await get('/things/two/credentials', 'token-of-two-1234')).status).toBe(200);
    for (const wrong of [
      undefined,
      '',
      'token-of-two-1234',
      'token-of-one-123',
      'Token-of-one-1234',
    ]) {
      const { status, body } = await get('/things/a:b/credentials', wrong);
      expect([status, body.code], wrong).toEqual([401, 'Unauthorized']);
    }
    for (const path of ['/', '/things/', '/things/two', '/things/three/credentials', '/%']) {
      expect((await get(path, 'token-of-one-1234')).status, path).toBe(404);
    }
  });

  it('answers with new credentials at once, and with none after they expire', async () => {
    const ask = () => get('/things/two/credentials', 'token-of-two-1234');
    const before = two.credentials;
    if (before === undefined) throw new Error('it has none');
    two.credentials = { ...before, accessKeyId: 'ASIANEW', sessionToken: 'new' };
    expect((await ask()).body).toMatchObject({ AccessKeyId: 'ASIANEW', Token: 'new' });
    const expiration = new Date(Date.now() + 1000);
    two.credentials = { ...two.credentials, expiration };
    expect((await ask()).body.Expiration).toBe(expiration.toISOString());
    two.credentials = undefined;
    expect(await ask()).toEqual({
      status: 503,
      body: { code: 'CredentialsPending', message: 'the first credentials have not arrived yet' },
    });
    two.error = new CredentialHelperError('the cause', { code: 'ERR_DNS' });
    expect(await ask()).toEqual({
      status: 503,
      body: { code: 'ERR_DNS', message: 'there are no valid credentials: the cause' },
    });
  });
});
