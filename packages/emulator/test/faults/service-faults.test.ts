import { GetRoleCommand } from '@aws-sdk/client-iam';
import { CreateThingCommand, DescribeThingCommand } from '@aws-sdk/client-iot';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type Fault, startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';

const aws = await startEmulator();
const { roleName: RoleName, thingName } = await aws.seed({ keyType: 'EC-P256' });
const sdk = openSdk(aws);
afterAll(async () => {
  sdk.close();
  await aws.close();
});
beforeEach(() => aws.faults.clear());

/** A call of each API, by the name of the service. */
const CALLS = {
  iot: () => sdk.things.send(new DescribeThingCommand({ thingName })),
  iam: () => sdk.roles.send(new GetRoleCommand({ RoleName })),
  sts: () => sdk.tokens.send(new GetCallerIdentityCommand({})),
};
type ServiceName = keyof typeof CALLS;
const SERVICES = Object.keys(CALLS) as ServiceName[];

/** How a call ends, for the SDK: `ok`, or the error with its status. */
const end = (call: () => Promise<unknown>) =>
  call().then(
    () => 'ok',
    ({ name, code, message, $metadata }) =>
      `${code ?? name} ${$metadata?.httpStatusCode ?? ''}: ${message}`,
  );

describe.each(SERVICES)('a fault of %s', (service) => {
  const others = SERVICES.filter((name) => name !== service);

  it.each<[Fault, RegExp]>([
    [
      { response: { status: 503, errorCode: 'SlowDown', message: 'Slow <down>' } },
      /^SlowDown 503: Slow <down>$/,
    ],
    [{ response: { status: 400, errorCode: 'Odd.Name' } }, /^Odd\.Name 400: Odd\.Name$/],
    [{ response: { status: 502 } }, / 502: /],
    [{ action: 'reset' }, /^ECONNRESET /],
    [{ action: 'truncate' }, /^(ECONNRESET|TimeoutError|Error) /],
    [{ action: 'reset-in-body' }, /^ECONNRESET /],
    [{ delayMs: 10 }, /^ok$/],
    [{ bytesPerSecond: 100_000 }, /^ok$/],
  ])('%j is applied once, to this service alone', async (fault, expected) => {
    aws.faults.add({ ...fault, service, count: 1 });
    for (const other of others) expect(await end(CALLS[other])).toBe('ok');
    expect(await end(CALLS[service])).toMatch(expected);
    expect(aws.requests.latest.at(-1)).toMatchObject({ fault: true });
    expect(await end(CALLS[service])).toBe('ok');
    expect(aws.requests.latest.at(-1)?.fault).toBeUndefined();
    expect(aws.faults.list()).toEqual([]);
  });

  it('of the rate is reported as the service does', async () => {
    aws.faults.add({ service, requestsPerSecond: 0.01 });
    const throttled = service === 'iot' ? 'ThrottlingException' : 'Throttling';
    expect(await end(CALLS[service])).toBe('ok');
    expect(await end(CALLS[service])).toBe(`${throttled} 400: Rate exceeded`);
  });
});

it('a response replaces the operation; a lost one does not', async () => {
  const create = (name: string) =>
    end(() => sdk.things.send(new CreateThingCommand({ thingName: name })));
  const service = 'iot';
  aws.faults.add({
    service,
    response: { status: 503, errorCode: 'ServiceUnavailableException' },
    count: 1,
  });
  expect(await create('replaced')).toMatch(/^ServiceUnavailableException 503/);
  const { operation, faultEffect } = aws.requests.latest.at(-1) ?? {};
  expect([operation, faultEffect]).toEqual(['iot:CreateThing', 'response 503']);
  aws.faults.add({ service, action: 'reset', count: 1 });
  expect(await create('lost')).toMatch(/^ECONNRESET/);
  expect(aws.iot.listThings()).toEqual(['lost', thingName]);
});

it('a fault without a service leaves the APIs alone', async () => {
  aws.faults.add({ action: 'reset' });
  for (const service of SERVICES) expect(await end(CALLS[service])).toBe('ok');
});
