// The program of the child process that sends one request with a key in a token. The parent process never loads the
// PKCS#11 library.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CredentialHelperError } from './errors.ts';
import { sendTokenRequest, type TokenRequestEvents } from './isolation/token-request.ts';
import { type TokenRequestMessage, unpackTokenRequest } from './isolation/token-request-message.ts';
import { importProcessRecords, watchProcessRecords } from './pins/records.ts';
import { loadKoffi } from './pkcs11/koffi.ts';
import { mayBeLoggedIn } from './pkcs11/pkcs11.ts';
import { answerParent } from './process/answer-parent.ts';
import type { Report } from './process/messages.ts';

/**
 * The maximum margin, in milliseconds, by which this process times out before its parent kills it, with a more specific
 * error.
 */
const REPORT_MS = 500;

let isUsed = false;

answerParent(sendForParent, () => !mayBeLoggedIn());

async function sendForParent(message: TokenRequestMessage, report: Report, limitMs: number) {
  importProcessRecords(message.pins);
  watchProcessRecords((change) => report('pin', change));
  const { logs } = message;
  const events: TokenRequestEvents = {
    warn: (text) => report('warning', text),
    debug: logs.debug ? (line) => report('debug', line) : undefined,
    trace: logs.trace ? (line) => report('trace', line) : undefined,
    certificate: ({ raw }) => report('certificate', raw),
  };
  events.debug?.(
    isUsed
      ? `child process ${process.pid} is used again`
      : `child process ${process.pid} started in ${Math.round(performance.now())} ms, Node.js ${process.version}`,
  );
  isUsed = true;
  await loadKoffi().catch((error) => {
    throw copyWithoutKoffi(error) ?? error;
  });
  report('usesLibrary', true);
  const ownLimitMs = limitMs - Math.min(REPORT_MS, limitMs / 5);
  return sendTokenRequest(unpackTokenRequest(message), events, ownLimitMs);
}

/** The error for a copy of this program, by a bundler or by hand, that cannot find koffi. */
function copyWithoutKoffi(error: CredentialHelperError): CredentialHelperError | undefined {
  const { code } = error.cause as NodeJS.ErrnoException;
  const [, program = ''] = process.argv;
  if (!code?.endsWith('MODULE_NOT_FOUND') || isOfThisPackage(program)) return undefined;
  return new CredentialHelperError(
    `the program of the child process that is to use the token cannot find the npm package koffi from ${dirname(program)}`,
    {
      code: 'ERR_CHILD_PROGRAM',
      cause: error,
      hint: "install koffi in a node_modules of the program's folder or of a parent folder",
    },
  );
}

function isOfThisPackage(program: string): boolean {
  try {
    const manifest = readFileSync(join(dirname(program), '../package.json'), 'utf8');
    return JSON.parse(manifest).name === 'awsiot-credentialhelper';
  } catch {
    return false;
  }
}
