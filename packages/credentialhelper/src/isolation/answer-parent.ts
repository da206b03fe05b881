import { type ChildMessage, packError } from './channel.ts';

/**
 * Makes this process one that does a piece of work for the process that started it: it takes one request over the
 * channel, answers, and ends. It ends, too, when the other process does.
 *
 * @param work - what to do with the request; `warn` tells the other process what does not stop the work
 */
export function answerParent<Request, Answer>(
  work: (request: Request, warn: (message: string) => void) => Promise<Answer>,
): void {
  const send = (message: ChildMessage<Answer>, sent: () => void = () => {}) => {
    process.send?.(message, sent);
  };
  process.once('disconnect', () => process.exit());
  process.once('message', async (request: Request) => {
    const message = await work(request, (text) => send({ kind: 'warning', message: text })).then(
      (answer): ChildMessage<Answer> => ({ kind: 'answer', answer }),
      (error: unknown): ChildMessage<Answer> => ({ kind: 'error', error: packError(error) }),
    );
    send(message, () => process.exit());
  });
}
