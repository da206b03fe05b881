import { loadKoffi } from '../pkcs11/koffi.ts';
import { VERSION } from '../version.ts';
import { holdProcess } from './hold.ts';
import { type FromChild, pack, packError, type Tell, type ToChild, unpack } from './messages.ts';

/**
 * Makes this process one that does a piece of work for the process that started it: it says that it is ready, takes one
 * request over the channel, answers, and ends. It ends, too, when the other process does: at once, or where a library
 * holds its only thread, at its time limit.
 *
 * @param work - what to do with the request; `tell` sends the other process something besides the answer; `limitMs`
 * is how long it may take
 */
export function answerParent<Request, Answer>(
  work: (request: Request, tell: Tell, limitMs: number) => Promise<Answer>,
): void {
  const send = (message: FromChild, sent: () => void = () => {}) => {
    process.send?.(pack(message), undefined, undefined, sent);
  };
  let isAsked = false;
  process.once('disconnect', () => process.exit());
  process.on('message', async (value) => {
    const message = unpack<ToChild>(value);
    if (message?.kind !== 'request' || isAsked) return;
    isAsked = true;
    const { request, limitMs } = message.content;
    const endAfter = await alarm();
    endAfter(limitMs);
    const tell: Tell = (kind, content) => {
      if (kind === 'isAsking') endAfter(content === true ? undefined : limitMs);
      send({ kind, content } as FromChild);
    };
    // Held: a request gives up where nobody seems to wait for its connection, and here the other process does.
    const answer = await holdProcess(work(request as Request, tell, limitMs)).then(
      (content): FromChild => ({ kind: 'answer', content }),
      (error: unknown): FromChild => ({ kind: 'error', content: packError(error) }),
    );
    // A library may hang while its process ends.
    send(answer, () => {
      endAfter(0);
      process.exit();
    });
  });
  send({ kind: 'ready', content: { version: VERSION } });
}

/** It ends at once by itself, unless a library holds it up, in milliseconds. */
const MIN_ALARM_MS = 2000;

/**
 * The system's alarm clock, which ends this process although its only thread is held: alarm(2), whose signal has its
 * default action. Windows has none.
 *
 * @returns sets it to some milliseconds from now, or stops it
 */
async function alarm(): Promise<(afterMs: number | undefined) => void> {
  if (process.platform === 'win32') return () => {};
  // Without koffi no library can be loaded that would hold the thread.
  const koffi = await loadKoffi().catch(() => undefined);
  const set = koffi?.load(null).func('alarm', 'uint', ['uint']);
  return (afterMs) => {
    set?.(afterMs === undefined ? 0 : Math.ceil(Math.max(afterMs, MIN_ALARM_MS) / 1000));
  };
}
