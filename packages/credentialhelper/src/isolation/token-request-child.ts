// The program of the child process that makes one request with a key in a token. It is the only place where a process
// that lives longer has a PKCS#11 library loaded.
import { answerParent } from './answer-parent.ts';
import { sendTokenRequest } from './token-request.ts';
import { type TokenRequestMessage, unpackTokenRequest } from './token-request-message.ts';

answerParent((message: TokenRequestMessage, warn) =>
  sendTokenRequest(unpackTokenRequest(message), { warn, isOutputFiltered: true }),
);
