// The program of the child process that makes one request with a key in a token. It is the only place where a process
// that lives longer has a PKCS#11 library loaded.
import { importProcessRecords, watchProcessRecords } from '../pins/records.ts';
import { answerParent } from './answer-parent.ts';
import { sendTokenRequest } from './token-request.ts';
import { type TokenRequestMessage, unpackTokenRequest } from './token-request-message.ts';

answerParent(async (message: TokenRequestMessage, tell) => {
  importProcessRecords(message.pins);
  watchProcessRecords((state) => tell('pins', state));
  const trace = message.isTraced ? (line: string) => tell('trace', line) : undefined;
  return sendTokenRequest(unpackTokenRequest(message), {
    warn: (text) => tell('warning', text),
    trace,
  });
});
