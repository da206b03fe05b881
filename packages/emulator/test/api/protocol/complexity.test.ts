import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { sendRaw, signRaw } from '../../support/raw-api.ts';

const emulator = await startEmulator();
afterAll(() => emulator.close());
await emulator.seed({ thingName: 'one', roleAlias: 'alias', keyType: 'EC-P256' });

const post = async (service: string, path: string, body: string) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const raw = { method: 'POST', path, headers, body };
  return sendRaw(emulator, await signRaw(emulator, raw, { service }));
};
let count = 0;
const createPolicy = (more: string) =>
  post('iot', `/policies/policy-${++count}`, `{"policyDocument":${JSON.stringify(policy)}${more}}`);
const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }],
});
const getRole = (parameters: string) =>
  post('iam', '/', `Action=GetRole&Version=2010-05-08&RoleName=alias-role${parameters}`);

/** What no request has, and would take long to parse. */
describe('the body of a request', () => {
  it.each([
    ['levels of arrays', `,"a":${'['.repeat(500_000)}`],
    ['levels of objects', `,"a":${'{"b":'.repeat(150_000)}`],
    ['members', `,${Array.from({ length: 70_000 }, (_, i) => `"a${i}":1`).join()}`],
  ])('with too many %s is refused', async (_name, more) => {
    const { status, headers, body } = await createPolicy(more);
    expect([status, headers['x-amzn-errortype']]).toEqual([400, 'InvalidRequestException']);
    expect(body).toContain('not a JSON object');
  });

  it('may have all of this in a string', async () => {
    const text = JSON.stringify(`${'[{,'.repeat(50_000)}\\"`);
    const { body } = await createPolicy(`,"x":${text}`);
    expect(body).toContain('not emulated: x');
    expect((await createPolicy('')).status).toBe(200);
  });

  it.each([
    ['of one name', '&a'.repeat(400_000)],
    ['of different names', Array.from({ length: 100_000 }, (_, i) => `&${i}=`).join('')],
    ['without a name', '&'.repeat(900_000)],
  ])('with too many parameters %s is refused', async (_name, parameters) => {
    const { status, body } = await getRole(parameters);
    expect(status).toBe(400);
    expect(body).toContain('<Code>ValidationError</Code>');
    expect(body).toContain('at most 5000 parameters');
  });

  it('may have separators in a value', async () => {
    expect((await getRole('')).status).toBe(200);
    const description = encodeURIComponent('&'.repeat(900));
    const update = `Action=UpdateRole&Version=2010-05-08&RoleName=alias-role&Description=${description}`;
    expect((await post('iam', '/', update)).status).toBe(200);
  });
});
