// How long a request of legal size can hold the emulator: the CPU time of its process for requests that would take long
// with a naive implementation. No other request is answered meanwhile.
//   npm run build && node packages/emulator/bench/worst.mjs [path/to/packages/emulator/dist/index.js]
import { least, moduleOf, open } from './clients.mjs';

const emulator = await open(moduleOf(process.argv[2]), { things: 10_000, policies: 0 });
const { call, exchange, aws } = emulator;
const { roleAliases } = aws;
const target = aws.device.certificateArn;
let count = 0;

const REQUESTS = {
  'ten policies with `*a*a…b*b`': tenPolicies(`${roleAliases}/${'*a'.repeat(60)}b*b`),
  'ten policies with `*a?a?…b*b`': tenPolicies(`${roleAliases}/*${'a?'.repeat(60)}b*b`),
  'ten policies with 80 patterns': tenPolicies(times(80, () => 'arn:aws:iot:*:*:*bb*')),
  'ten policies with 95 ranges of addresses': tenPolicies('*', {
    IpAddress: { 'aws:SourceIp': times(95, (i) => `192.0.2.${i}/32`) },
  }),
  'a query with one name': query(() => 'a', 4000),
  'a query with different names': query((i) => `a${i.toString(36)}`, 2500),
  'a form with one name': form(() => 'a', 520_000),
  'a form with different names': form((i) => i.toString(36), 190_000),
  'a form with a long list': form((i) => `Tags.member.${i}.Key=${i}`, 4900),
  'JSON with many levels': json(`{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`),
  'JSON with many members': json(`{${times(75_000, (i) => `"a${i}":""`)}}`),
  'JSON with a long string': json(`{"thingTypeName":"${'\\u0020'.repeat(170_000)}"}`),
  'a policy of 400 KB, white space': json(
    JSON.stringify({ policyDocument: policy('*') + ' '.repeat(400_000) }),
  ),
  'a trust policy of 130 KB': createRole(
    policy('*').padEnd(130_000, ' '),
  ),
  'a page by an attribute that no thing has': () =>
    call('iot', 'GET', '/things', { query: { attributeName: 'a', attributeValue: 'b' } }),
};

console.log('| request | CPU time |\n| --- | --- |');
for (const [name, request] of Object.entries(REQUESTS)) {
  const prepared = await request.prepare?.();
  const costs = [];
  for (let i = 0; i < 5; i++) costs.push(await emulator.cost(request, 1));
  for (const policyName of prepared ?? []) await attachment('POST', policyName);
  console.log(`| ${name} | ${least(costs).toFixed(0)} ms |`);
}
emulator.close();

function tenPolicies(Resource, Condition) {
  // A role alias has at most 128 characters.
  const request = () => exchange(`/role-aliases/${'ab'.repeat(64)}/credentials`);
  const prepare = async () => {
    const names = times(10, () => `policy-worst-${count++}`);
    for (const name of names) {
      const body = JSON.stringify({ policyDocument: policy(Resource, Condition) });
      const { status, text } = await call('iot', 'POST', `/policies/${name}`, { body });
      if (status !== 200) throw new Error(text);
      await attachment('PUT', name);
    }
    return names;
  };
  return Object.assign(request, { prepare });
}

function attachment(method, policyName) {
  const body = JSON.stringify({ target });
  return call('iot', method, `/target-policies/${policyName}`, { body });
}

function policy(Resource, Condition) {
  const Action = 'iot:AssumeRoleWithCertificate';
  const Statement = [{ Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

function query(nameOf, length) {
  const values = new Map();
  for (const name of times(length, nameOf)) values.set(name, [...(values.get(name) ?? []), '']);
  return () => call('iot', 'GET', '/things', { query: Object.fromEntries(values) });
}

function form(part, length) {
  const body = `Action=GetCallerIdentity&Version=2011-06-15&${times(length, part).join('&')}`;
  return () => call('sts', 'POST', '/', { body: body.slice(0, 1_048_576) });
}

function json(body) {
  return () => call('iot', 'POST', `/policies/worst-${count++}`, { body });
}

function createRole(document) {
  return () => {
    const body = new URLSearchParams({
      Action: 'CreateRole',
      Version: '2010-05-08',
      RoleName: `worst-${count++}`,
      AssumeRolePolicyDocument: document,
    });
    return call('iam', 'POST', '/', { body: String(body) });
  };
}

function times(length, make) {
  return Array.from({ length }, (_, i) => make(i));
}
