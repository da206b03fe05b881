import type { X509Certificate } from 'node:crypto';
import { isCredentialHelperError } from '../../errors.ts';
import { keyKind } from '../../identity/key-kind.ts';
import type { TokenSettings } from '../../options/token-options.ts';
import type { LibraryReport, TokenReport } from '../../token/inspect.ts';
import { PROGRAM } from '../output.ts';
import { inspectIsolated, publicInspection } from '../token/inspect-isolated.ts';
import { withWarnings } from './certificate.ts';
import { show } from './commands.ts';
import {
  type Finding,
  failed,
  failedWith,
  type RemedyCommand,
  type Step,
  skipped,
  worked,
} from './finding.ts';
import { stepOf } from './settings.ts';

/** A token that was found, without a login. */
interface FoundToken {
  readonly slotId: number;
  readonly token: TokenReport;
}

/** Tests library and token, in a child process and without a login. */
export async function* testToken(
  settings: TokenSettings,
  timeoutMs: number,
): AsyncGenerator<Finding, FoundToken | undefined> {
  const { library, match: wanted } = settings;
  const { object: _object, id: _id, type: _type, ...match } = wanted;
  const inspect = (attributes: typeof match) =>
    inspectIsolated(publicInspection(settings, attributes, timeoutMs), timeoutMs);
  let report: LibraryReport;
  try {
    report = await inspect(match);
  } catch (error) {
    yield failedWith('module', error, [show(PROGRAM, 'token', 'list')]);
    yield skipped('token', 'not tested: the library does not work');
    return undefined;
  }
  const { description, version, manufacturer } = report;
  yield worked('module', `${library}: ${description} ${version} by ${manufacturer}`);
  const tokens = tokensOf(report);
  const [found] = tokens;
  if (found === undefined || tokens.length > 1) {
    yield await notFound(tokens, settings, () => inspect({}));
    return undefined;
  }
  const { label, serial, model, mechanisms, problem } = { ...found.token, ...found };
  if (problem !== null) {
    yield failed('token', `token "${label}": ${problem}`, { what: 'is the token connected?' });
    return undefined;
  }
  yield worked(
    'token',
    `"${label}" in slot ${found.slotId}, ${model || 'no model'}, serial number ${serial || 'unknown'}`,
    [`signs for TLS with ${mechanisms.join(', ') || 'no known mechanism'}`],
  );
  return found;
}

function tokensOf({ slots }: LibraryReport) {
  return slots.flatMap(({ slotId, token, problem }) =>
    token === null ? [] : [{ slotId, token, problem }],
  );
}

async function notFound(
  tokens: readonly FoundToken[],
  settings: TokenSettings,
  inspectAll: () => Promise<LibraryReport>,
): Promise<Finding> {
  const commands = [show(PROGRAM, 'token', 'list', '--module', settings.library)];
  const names = (all: readonly FoundToken[]) =>
    all
      .map(({ slotId, token: { label } }) => `"${label}" (slot id ${slotId})`)
      .sort()
      .join(', ');
  if (tokens.length > 1) {
    const what = 'name one by its label, serial number or slot';
    return {
      ...failed('token', `${tokens.length} tokens match: ${names(tokens)}`, { what, commands }),
      code: 'ERR_TOKEN_AMBIGUOUS',
    };
  }
  const all = tokensOf(await inspectAll());
  const seen =
    all.length === 0
      ? 'the library shows no initialized token'
      : `no token matches; there are: ${names(all)}`;
  const what =
    all.length === 0
      ? 'is the token connected, and may this user use it?'
      : 'check label, serial number and slot id; a slot id is not an index, and may change';
  return { ...failed('token', seen, { what, commands }), code: 'ERR_TOKEN_NOT_FOUND' };
}

/** What was learned of PIN and key by the one login of the run. */
export interface LoginResult {
  /** The error of the request that logged in, if any: of the token, the network or the service. */
  readonly error: unknown;
  /** The certificate that belongs to the key; undefined if the key was not found, or does not belong to one. */
  readonly certificate: X509Certificate | undefined;
  /** Whether the certificate is not in the token. */
  readonly hasCertificateFile: boolean;
  /** Warnings about files with secrets, and of the login. */
  readonly warnings: readonly string[];
}

/** The findings for PIN and key. */
export function* loginFindings(
  { slotId, token }: FoundToken,
  settings: TokenSettings,
  { error, certificate, warnings, hasCertificateFile }: LoginResult,
): Generator<Finding> {
  const commands = listCommands(settings, token);
  if (certificate !== undefined) {
    yield withWarnings(pinAccepted(token), warnings);
    const { name } = keyKind(certificate.publicKey);
    const seen = `${name} in token "${token.label}", belongs to the certificate (verified with a test signature)`;
    yield withoutRawRsa(name, token) ?? worked('key', seen);
    return;
  }
  const step = stepAfter(error, hasCertificateFile);
  if (step === 'pin') {
    yield failedWith('pin', error);
    yield skipped('key', 'not tested: there was no login');
    return;
  }
  const isUnknown = isCredentialHelperError(error) && AT_LOGIN.has(error.code);
  yield isUnknown
    ? skipped('pin', `not known: the library failed while the PIN or the key was used`)
    : withWarnings(pinAccepted(token), warnings);
  yield failedWith(step, error, commands);
  if (step !== 'key') yield skipped('key', `not tested in slot ${slotId}`);
}

/** The step that an error belongs to, of those that were not tested before. */
function stepAfter(error: unknown, hasCertificateFile: boolean): Step {
  const step = stepOf(error, 'key');
  return step === 'pin' || (step === 'certificate' && !hasCertificateFile) ? step : 'key';
}

/** Errors that may come from the login or from the key. */
const AT_LOGIN: ReadonlySet<string> = new Set([
  'ERR_PKCS11',
  'ERR_TOKEN_TIMEOUT',
  'ERR_TOKEN_CRASHED',
  'ERR_CHILD_PROGRAM',
  'ERR_TLS_UNAVAILABLE',
]);

function pinAccepted({ loginRequired, pinPad, pin }: TokenReport): Finding {
  if (!loginRequired) return worked('pin', 'the token requires no login');
  const before = pin === 'wrong-pin-tried' ? ', after a wrong one' : '';
  return worked('pin', pinPad ? 'entered on the PIN pad' : `accepted${before}; used once`);
}

function withoutRawRsa(name: string, { label, mechanisms }: TokenReport): Finding | undefined {
  if (!name.startsWith('RSA') || mechanisms.includes('CKM_RSA_X_509')) return undefined;
  return {
    step: 'key',
    status: 'warn',
    seen: `${name} in token "${label}", belongs to the certificate; with TLS 1.2 only, as the token lacks CKM_RSA_X_509`,
    remedy: { what: 'use an EC key if the endpoint requires TLS 1.3' },
  };
}

/** The finding for the PIN of a token without a login, by what the token itself says. */
export function pinWithoutLogin(token: TokenReport | undefined, why: string): Finding {
  if (token?.pin === 'locked') {
    return failed('pin', `the PIN of token "${token.label}" is locked`, {
      what: "the token's security officer can unlock it and set a new PIN",
    });
  }
  return skipped('pin', `not tried: ${why}`);
}

function listCommands(
  { library }: TokenSettings,
  { label }: TokenReport,
): readonly RemedyCommand[] {
  return [show(PROGRAM, 'token', 'list', '--module', library, '--token-label', label, '--login')];
}
