import { type ChildMessage, packError, type Tell } from './channel.ts';

/**
 * Makes this process one that does a piece of work for the process that started it: it takes one request over the
 * channel, answers, and ends. It ends, too, when the other process does.
 *
 * @param work - what to do with the request; `tell` sends the other process something besides the answer
 */
export function answerParent<Request, Answer>(
  work: (request: Request, tell: Tell) => Promise<Answer>,
): void {
  const send = (message: ChildMessage<Answer>, sent: () => void = () => {}) => {
    process.send?.(message, sent);
  };
  process.once('disconnect', () => process.exit());
  process.once('message', async (request: Request) => {
    const tell: Tell = (kind, content) => send({ kind, content } as ChildMessage<Answer>);
    const message = await work(request, tell).then(
      (answer): ChildMessage<Answer> => ({ kind: 'answer', answer }),
      (error: unknown): ChildMessage<Answer> => ({ kind: 'error', error: packError(error) }),
    );
    send(message, () => process.exit());
  });
}
