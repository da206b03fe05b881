import { CredentialHelperError } from '../errors.ts';
import type { Settings } from '../options/options.ts';
import type { Lane, Queue } from '../refresh/queue.ts';
import type { SharedQueue } from '../refresh/refresher.ts';

/** The part of a queue for one of many sources: keys in tokens of one PKCS#11 library are used one at a time. */
export function sharedQueue(
  queue: Queue,
  { key, maxWaitMs }: Pick<Settings, 'key' | 'maxWaitMs'>,
): SharedQueue {
  const lane: Lane =
    key.kind === 'token'
      ? { name: key.token.library, limit: 1 }
      : { name: '', limit: Number.POSITIVE_INFINITY };
  return {
    enter: (task) => queue.enter(lane, task),
    late: () =>
      new CredentialHelperError(
        `the turn of this thing did not come within ${maxWaitMs} ms; ${queue.waiting} requests of the fleet are waiting`,
        {
          code: 'ERR_TIMEOUT',
          hint: 'it stays in the queue: call again later; or raise "maxWaitMs" or "maxConcurrent"',
        },
      ),
  };
}
