// The child process: takes one request with a key in a token over its channel, answers, and ends. It is the only place
// where a process that lives longer has a PKCS#11 library loaded.
import { packError, type RequestMessage, type ResponseMessage, unpackRequest } from './messages.ts';
import { sendTokenRequest } from './token-request.ts';

process.once('disconnect', () => process.exit());
process.once('message', async (message: RequestMessage) => {
  const warn = (text: string) => send({ kind: 'warning', message: text });
  const answer = await sendTokenRequest(unpackRequest(message), {
    warn,
    isOutputFiltered: true,
  }).then((response): ResponseMessage => ({ kind: 'response', response }), packError);
  send(answer, () => process.exit());
});

function send(message: ResponseMessage, sent: () => void = () => {}): void {
  process.send?.(message, sent);
}
