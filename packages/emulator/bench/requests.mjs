// What requests cost the emulator: the CPU time of its process. With another build, its costs are compared with those
// of this one:
//   npm run build && node packages/emulator/bench/requests.mjs [path/to/packages/emulator/dist/index.js]
import { least, moduleOf, open } from './clients.mjs';

const ROUNDS = 40;
const [, , otherBuild] = process.argv;

// Each returns the function that is measured: the client signs before.
const credentials = ({ exchange }) => () => exchange();
const body = 'Action=GetCallerIdentity&Version=2011-06-15';
const REQUESTS = {
  'credentials, on a kept connection': credentials,
  GetCallerIdentity: ({ sign }) => sign('sts', 'POST', '/', { body }),
  DescribeThing: ({ sign }) => sign('iot', 'GET', '/things/one'),
};
const LISTS = {
  ListThings: ({ sign }) => sign('iot', 'GET', '/things'),
  'ListThings, with an attribute': ({ sign }) =>
    sign('iot', 'GET', '/things', { query: { attributeName: 'site', attributeValue: 'north' } }),
  ListThingsInThingGroup: ({ sign }) => sign('iot', 'GET', '/thing-groups/all/things'),
  ListPolicies: ({ sign }) => sign('iot', 'GET', '/policies'),
  ListRoleAliases: ({ sign }) => sign('iot', 'GET', '/role-aliases'),
};

if (otherBuild !== undefined) {
  await compare('CPU time of a request', REQUESTS, {
    'other build': await open(moduleOf(otherBuild)),
    'this build': await open(moduleOf()),
  });
}
await compare(
  'with policies of 2 KB',
  { credentials },
  { 1: await open(moduleOf()), 10: await open(moduleOf(), { policies: 10 }) },
);
await compare('page of 25, with things, policies and role aliases', LISTS, {
  100: await open(moduleOf(), { things: 100 }),
  10_000: await open(moduleOf(), { things: 10_000 }),
});

/** Prints what requests cost two emulators, measured alternately, and the ratio of the second to the first. */
async function compare(title, requests, emulators) {
  console.log(`| ${title} | ${Object.keys(emulators).join(' | ')} | ratio |\n| --- | --- | --- | --- |`);
  const [one, other] = Object.values(emulators);
  for (const [name, request] of Object.entries(requests)) {
    const costOf = async (emulator) => {
      const sendIt = await request(emulator);
      return emulator.cost(() => expectOk(sendIt()), 300);
    };
    const costs = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      const pair = [await costOf(one), await costOf(other)];
      // The first round is a warm-up.
      if (round >= 0) pair.forEach((cost, i) => costs[i].push(cost));
    }
    const [first, second] = costs.map(least);
    console.log(`| ${name} | ${ms(first)} | ${ms(second)} | ${(second / first).toFixed(2)} |`);
  }
  for (const emulator of [one, other]) emulator.close();
  console.log();
}

function ms(value) {
  return `${value.toFixed(2)} ms`;
}

async function expectOk(answer) {
  const { status, text } = await answer;
  if (status !== 200) throw new Error(`${status} ${text}`);
}
