import { loadKoffi } from '../pkcs11/koffi.ts';
import { VERSION } from '../version.ts';
import { holdProcess } from './hold.ts';
import { type FromChild, pack, packError, type Report, type ToChild, unpack } from './messages.ts';

/**
 * Makes this process a worker of its parent: it reports that it is ready, receives a request over the IPC channel,
 * responds, and exits, unless its parent keeps it for another request. It also exits if its parent does: at once, or if
 * a library blocks its only thread, at its timeout.
 *
 * @param work - handles a request; `report` sends the parent other messages; `limitMs` is the timeout
 * @param canStay - whether it can handle another request
 */
export function answerParent<Request, Answer>(
  work: (request: Request, report: Report, limitMs: number) => Promise<Answer>,
  canStay: () => boolean = () => false,
): void {
  const send = (message: FromChild, sent: () => void = () => {}) => {
    process.send?.(pack(message), undefined, undefined, sent);
  };
  let isBusy = false;
  let endAfter: (afterMs: number | undefined) => void = () => {};
  const exit = () => {
    // A library may hang while its process exits.
    endAfter(0);
    process.exit();
  };
  process.once('disconnect', exit);
  process.on('message', async (value) => {
    const message = unpack<ToChild>(value);
    if (message?.kind === 'exit') exit();
    if (message?.kind !== 'request' || isBusy) return;
    isBusy = true;
    const { request, limitMs, isKept } = message.content;
    endAfter = await alarm();
    endAfter(limitMs);
    const report: Report = (kind, content) => {
      if (kind === 'isAsking') endAfter(content === true ? undefined : limitMs);
      send({ kind, content } as FromChild);
    };
    // Held: a request is aborted if nothing waits for its connection, but here the parent waits.
    const answer = await holdProcess(work(request as Request, report, limitMs)).then(
      (content): FromChild => ({ kind: 'answer', content }),
      (error: unknown): FromChild => ({ kind: 'error', content: packError(error) }),
    );
    if (isKept && answer.kind === 'answer' && canStay()) {
      endAfter(undefined);
      isBusy = false;
      send(answer);
    } else send(answer, exit);
  });
  send({ kind: 'ready', content: { version: VERSION } });
}

/** Time to exit, in milliseconds; it exits at once unless a library hangs. */
const MIN_ALARM_MS = 2000;

/**
 * The alarm of the system, which ends this process even if its only thread is blocked: alarm(2), whose signal has its
 * default action. Not on Windows.
 *
 * @returns a function that sets it in milliseconds from now, or stops it
 */
async function alarm(): Promise<(afterMs: number | undefined) => void> {
  if (process.platform === 'win32') return () => {};
  // Without koffi no library can be loaded that could block the thread.
  const koffi = await loadKoffi().catch(() => undefined);
  const set = koffi?.load(null).func('alarm', 'uint', ['uint']);
  return (afterMs) => {
    set?.(afterMs === undefined ? 0 : Math.ceil(Math.max(afterMs, MIN_ALARM_MS) / 1000));
  };
}
