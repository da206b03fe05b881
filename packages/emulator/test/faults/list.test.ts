import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openFaults } from '../../src/faults/faults.ts';
import { type Fault, startEmulator } from '../../src/index.ts';

const aws = await startEmulator();
afterAll(() => aws.close());
beforeEach(() => aws.faults.clear());

/** The answer to a control request. */
async function control(request: string, body?: Fault) {
  const [method = '', path] = request.split(' ');
  const response = await fetch(`${aws.apiEndpoint}/_emulator/${path}`, {
    method,
    headers: { authorization: `Bearer ${aws.controlToken}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: await response.json() };
}

describe('a fault that was added', () => {
  it('is removed at the end of its block', () => {
    aws.faults.add({ delayMs: 1 });
    {
      using fault = aws.faults.add({ action: 'hang' });
      expect(aws.faults.list().at(-1)).toEqual({ id: fault.id, action: 'hang' });
    }
    expect(aws.faults.list()).toEqual([{ id: expect.any(String), delayMs: 1 }]);
  });

  it('is removed by its handle, or by its id, once, and no other', () => {
    const [first, second] = [aws.faults.add({ delayMs: 1 }), aws.faults.add({ delayMs: 1 })];
    second.remove();
    second.remove();
    expect(aws.faults.list()).toEqual([{ id: first.id, delayMs: 1 }]);
    expect(aws.faults.remove(second.id)).toBe(false);
    expect(aws.faults.remove(first.id)).toBe(true);
    expect(aws.faults.list()).toEqual([]);
    // Its id is not used again.
    expect(aws.faults.add({ delayMs: 1 }).id).not.toBe(second.id);
    first.remove();
    expect(aws.faults.list()).toHaveLength(1);
  });

  it('is not changed by its object', () => {
    const fault: { delayMs: number } = { delayMs: 1 };
    aws.faults.add(fault);
    fault.delayMs = 2;
    expect(aws.faults.list()[0]?.delayMs).toBe(1);
  });

  it('is removed by a control request', async () => {
    const { answer } = await control('POST faults', { delayMs: 1 });
    await control('POST faults', { action: 'reset' });
    const removed = await control(`DELETE faults/${answer[0].id}`);
    expect(removed.answer).toEqual([{ id: expect.any(String), action: 'reset' }]);
    expect((await control('GET faults')).answer).toEqual(removed.answer);
    expect(await control(`DELETE faults/${answer[0].id}`)).toEqual({
      status: 404,
      answer: { code: 'ResourceNotFoundException', message: 'there is no fault with this id' },
    });
    expect((await control('DELETE faults')).answer).toEqual([]);
  });
});

describe('the rate of requests', () => {
  it.each([
    // Requests per second, the times of requests in milliseconds, and which of them are accepted.
    [0.5, [0, 1000, 1999, 2000, 3999, 4000], [0, 2000, 4000]],
    [0.001, [0, 1000, 999_999, 1_000_000], [0, 1_000_000]],
    [1, [0, 999, 1000, 1500, 2000], [0, 1000, 2000]],
    [2, [0, 100, 200, 1000, 1050, 1100], [0, 100, 1000, 1100]],
    // Three in 1.2 s.
    [2.5, [0, 100, 200, 1000, 1200, 1250], [0, 100, 200, 1200]],
  ])('of %d', (requestsPerSecond, times, accepted) => {
    const faults = openFaults();
    faults.add({ requestsPerSecond });
    expect(times.filter((time) => faults.forRequest(undefined, time) === undefined)).toEqual(
      accepted,
    );
  });
});

describe('a fault is refused', () => {
  it.each<[unknown, RegExp]>([
    [{}, /it has no effect; expected one of delayMs, /],
    [{ service: 'iot' }, /it has no effect/],
    [{ delayMs: undefined }, /it has no effect/],
    [{ requestsPerSecond: 0 }, /"requestsPerSecond" must be a number from 0.001 to 1000000/],
    [{ requestsPerSecond: -1 }, /from 0.001/],
    [{ requestsPerSecond: Number.NaN }, /from 0.001/],
    [{ requestsPerSecond: Number.POSITIVE_INFINITY }, /from 0.001/],
    [{ requestsPerSecond: '1' }, /from 0.001/],
    [{ service: 's3', delayMs: 1 }, /"service" must be one of iot, iam, sts/],
    [{ service: 'iot', thingName: 't', delayMs: 1 }, /"thingName" is for the credential provider/],
    [{ service: 'iot', connection: 'refuse' }, /"connection" is for the credential provider/],
    [{ service: 'iam', tlsAlert: 'unknown_ca' }, /"tlsAlert" is for the credential provider/],
    [{ service: 'sts', lifetimeMs: 1 }, /"lifetimeMs" is for the credential provider/],
    [{ service: 'sts', clockOffsetMs: 1 }, /"clockOffsetMs" is for the credential provider/],
    [{ response: { status: 500, errorCode: 'a b' } }, /"response.errorCode" must be the name/],
    [{ response: { status: 500, errorCode: 'A', body: '' } }, /excludes "response.body"/],
    [{ response: { status: 500, errorCode: 'A', headers: {} } }, /excludes "response.body"/],
    [{ response: { status: 500, message: 'm' } }, /"response.message" must be a string, with/],
    [{ response: { status: 500, text: '' } }, /"response" has an unknown member "text"/],
    [{ response: [] }, /"response" must be an object/],
  ])('%j', (fault, message) => {
    expect(() => aws.faults.add(fault as Fault)).toThrow(message);
    expect(aws.faults.list()).toEqual([]);
  });
});
