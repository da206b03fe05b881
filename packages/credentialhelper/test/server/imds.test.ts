import { beforeEach, describe, expect, it } from 'vitest';
import { CredentialHelperError } from '../../src/errors.ts';
import { imdsContract } from '../../src/server/imds.ts';
import { fakeServed, serveContract } from '../support/local-server.ts';
import { send } from '../support/serve.ts';

const served = fakeServed();
const init = { role: 'my,role=alias@1', region: 'eu-west-1', served };
const { base } = await serveContract(imdsContract(init));
const put = (ttl?: string, more: Readonly<Record<string, string>> = {}, to = base) =>
  send(
    `${to}/latest/api/token`,
    { ...(ttl !== undefined && { 'x-aws-ec2-metadata-token-ttl-seconds': ttl }), ...more },
    { method: 'PUT' },
  );
const get = (path: string, token: string) =>
  send(`${base}${path}`, token === '' ? {} : { 'x-aws-ec2-metadata-token': token });
const ROLES = '/latest/meta-data/iam/security-credentials/';
const { credentials } = served;

beforeEach(() => {
  served.credentials = credentials;
  served.error = undefined;
});

describe('a session token', () => {
  it.each(['1', '60', '21600', '00060'])('lasts for %s seconds', async (ttl) => {
    const { status, headers, body } = await put(ttl);
    expect(status).toBe(200);
    expect(headers['x-aws-ec2-metadata-token-ttl-seconds']).toBe(String(Number(ttl)));
    expect((await get(ROLES, body)).status).toBe(200);
  });

  it.each([undefined, '', '0', '-1', '21601', '1e3', '1.5', 'all', '60, 60', '9'.repeat(400)])(
    'is refused for %j seconds',
    async (ttl) => {
      expect((await put(ttl)).status).toBe(400);
    },
  );

  it('expires', async () => {
    const { body } = await put('1');
    expect((await get(ROLES, body)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await get(ROLES, body)).status).toBe(401);
  });

  it('is not given to those for whom a request was forwarded', async () => {
    expect((await put('60', { 'x-forwarded-for': '10.0.0.1' })).status).toBe(403);
    expect((await put('60', { host: 'attacker.example' })).status).toBe(403);
  });

  it('is needed, whole, and of this server', async () => {
    const { body: token } = await put('60');
    const other = await serveContract(imdsContract(init));
    const foreign = await put('60', {}, other.base);
    const [ends = '', nonce, signature] = token.split('.');
    const later = `${(Number.parseInt(ends, 36) + 1e6).toString(36)}.${nonce}.${signature}`;
    for (const bad of ['', 'x', '..', token.slice(1), `${token}x`, later, foreign.body]) {
      expect((await get(ROLES, bad)).status, bad).toBe(401);
    }
    for (let index = 0; index < token.length; index += 7) {
      const changed = token[index] === 'a' ? 'b' : 'a';
      const bad = token.slice(0, index) + changed + token.slice(index + 1);
      expect((await get(ROLES, bad)).status, bad).toBe(401);
    }
    expect((await get(ROLES, token)).status).toBe(200);
  });
});

describe('the documents', () => {
  it.each([
    [ROLES, 'my,role=alias@1'],
    ['/latest/meta-data/placement/region', 'eu-west-1'],
    ['/latest/meta-data/placement/availability-zone/', 'eu-west-1a'],
  ])('%s', async (path, expected) => {
    const { body: token } = await put('60');
    for (const each of [path, path.replace(/\/$/, '')]) {
      const { status, body } = await get(each, token);
      expect([status, body]).toEqual([200, expected]);
    }
  });

  it('of identity, and of the role', async () => {
    const { body: token } = await put('60');
    const identity = await get('/latest/dynamic/instance-identity/document', token);
    expect(JSON.parse(identity.body)).toMatchObject({
      region: 'eu-west-1',
      availabilityZone: 'eu-west-1a',
    });
    const info = await get('/latest/meta-data/iam/info', token);
    expect(JSON.parse(info.body)).toMatchObject({ Code: 'Success' });
  });

  it('of the credentials', async () => {
    const { body: token } = await put('60');
    const { status, headers, body } = await get(`${ROLES}my,role=alias@1`, token);
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(JSON.parse(body)).toEqual({
      Code: 'Success',
      LastUpdated: expect.stringMatching(/Z$/),
      Type: 'AWS-HMAC',
      AccessKeyId: 'ASIAEXAMPLE',
      SecretAccessKey: 'secret',
      Token: 'session',
      Expiration: credentials?.expiration.toISOString(),
    });
  });

  it('are never empty: 503 with the reason without credentials', async () => {
    const { body: token } = await put('60');
    served.credentials = undefined;
    served.error = new CredentialHelperError('the cause', { code: 'ERR_TIMEOUT' });
    const { status, body } = await get(`${ROLES}my,role=alias@1`, token);
    expect([status, body]).toEqual([503, 'there are no valid credentials: the cause\n']);
    expect((await get(ROLES, token)).status).toBe(200);
  });

  it('are only these, and only read', async () => {
    const { body: token } = await put('60');
    expect((await get(`${ROLES}other-role`, token)).status).toBe(404);
    expect((await get('/', token)).status).toBe(404);
    const headers = { 'x-aws-ec2-metadata-token': token };
    expect((await send(`${base}${ROLES}`, headers, { method: 'PUT' })).status).toBe(405);
    expect((await send(`${base}/latest/api/token`, headers)).status).toBe(405);
  });
});
