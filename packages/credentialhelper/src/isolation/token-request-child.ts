// The program of the child process that makes one request with a key in a token. It is the only place where a process
// that lives longer has a PKCS#11 library loaded.
import { importProcessRecords, watchProcessRecords } from '../pins/records.ts';
import { answerParent } from '../process/answer-parent.ts';
import { sendTokenRequest, type TokenRequestEvents } from './token-request.ts';
import { type TokenRequestMessage, unpackTokenRequest } from './token-request-message.ts';

/** Sooner than the other process ends this one, it reports its own time-out, which says more. At most, in milliseconds. */
const REPORT_MS = 500;

answerParent(async (message: TokenRequestMessage, tell, limitMs) => {
  importProcessRecords(message.pins);
  watchProcessRecords((state) => tell('pins', state));
  const trace = message.isTraced ? (line: string) => tell('trace', line) : undefined;
  const events: TokenRequestEvents = {
    warn: (text) => tell('warning', text),
    trace,
    certificate: ({ raw }) => tell('certificate', raw),
  };
  tell('usesLibrary', true);
  const ownLimitMs = limitMs - Math.min(REPORT_MS, limitMs / 5);
  return sendTokenRequest(unpackTokenRequest(message), events, ownLimitMs);
});
