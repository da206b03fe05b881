import { X509Certificate } from 'node:crypto';
import type { ErrorCode } from '../error-codes.ts';
import { CredentialHelperError, isCredentialHelperError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { certificateId, describeCertificate } from './certificate.ts';

/** Checks the validity periods of the device certificates that a session uses. */
export interface CertificateDates {
  /**
   * Checks a certificate that is about to be used. Warns if it has expired, is not valid yet, or expires within 30
   * days, and again within 7 days; each once per certificate.
   */
  see(certificate: X509Certificate): void;
  /**
   * Explains an error of a request. If the server rejected the last certificate, and it has expired or is not valid
   * yet, returns an error with that reason, with the original as its `cause`; else returns the original error.
   *
   * @param serverMs - the time of the response by the clock of the server, in epoch milliseconds, if known: it takes precedence
   */
  explain(error: unknown, serverMs?: number): unknown;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** How many days before the expiration warnings are logged. */
const WARN_DAYS = [7, 30];

/** The codes by which a server rejects the certificate; with any other code it had accepted it. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_CLIENT_CERTIFICATE_REFUSED',
  'ERR_CONNECTION_RESET',
  'ERR_CERTIFICATE_NOT_REGISTERED',
  'ERR_ACCESS_DENIED',
]);

const HINTS = {
  ERR_CERTIFICATE_EXPIRED:
    'have a new certificate issued, and register it with AWS IoT (aws iot create-certificate-from-csr); if the clock of this device is wrong, set it',
  ERR_CERTIFICATE_NOT_YET_VALID:
    'check the clock of this device: a wrong clock is the usual cause; otherwise wait, or have another certificate issued',
} as const satisfies Partial<Record<ErrorCode, string>>;

/**
 * Creates the checks of the certificates of one session.
 *
 * @param log - gets the warnings, and each certificate that was not used before
 * @param now - the time, in epoch milliseconds
 */
export function watchCertificateDates(log: Log | undefined, now: () => number): CertificateDates {
  const warned = new Set<string>();
  /** As PEM, which takes less memory. */
  let current: string | undefined;
  return {
    see(certificate) {
      const pem = certificate.toString();
      if (log?.debug !== undefined && pem !== current) {
        const { validFrom, validTo } = certificate;
        log.debug(
          `device ${describeCertificate(certificate)}, valid from ${iso(validFrom)} to ${iso(validTo)}`,
        );
      }
      current = pem;
      const nowMs = now();
      const warning = warningOf(certificate, nowMs);
      if (warning === undefined) return;
      const once = `${certificateId(certificate)} ${warning.stage}`;
      if (warned.has(once)) return;
      warned.add(once);
      log?.warn?.(`${describeCertificate(certificate)} ${warning.problem}; ${clock(nowMs)}`);
    },
    explain(error, serverMs) {
      if (current === undefined || !isCredentialHelperError(error) || !REFUSALS.has(error.code)) {
        return error;
      }
      const nowMs = now();
      const refused = new X509Certificate(current);
      const wrong = problemOf(refused, serverMs ?? nowMs);
      if (wrong === undefined) return error;
      const server = serverMs === undefined ? '' : `, the server's ${iso(serverMs)}`;
      return new CredentialHelperError(
        `${describeCertificate(refused)} ${wrong.problem}; ${clock(nowMs)}${server}; ${error.message}`,
        {
          code: wrong.code,
          cause: error,
          hint: HINTS[wrong.code],
          httpStatus: error.httpStatus,
          requestId: error.requestId,
        },
      );
    },
  };
}

/**
 * The problem with the certificate's validity period, or undefined. Only a warning: the clock of a device may be
 * wrong, and the server decides.
 *
 * @param now - epoch milliseconds
 */
export function certificateDateProblem(
  certificate: X509Certificate,
  now: number,
): string | undefined {
  const wrong = problemOf(certificate, now);
  return wrong && `${describeCertificate(certificate)} ${wrong.problem}; ${clock(now)}`;
}

/**
 * What is wrong with the validity period of a certificate, as a clause: it has expired, is not valid yet, or expires within
 * 30 days, which has no code. Undefined if nothing is.
 *
 * @param nowMs - the time, in epoch milliseconds
 */
export function validityOf(
  certificate: X509Certificate,
  nowMs: number,
): { readonly problem: string; readonly code?: keyof typeof HINTS } | undefined {
  return problemOf(certificate, nowMs) ?? warningOf(certificate, nowMs);
}

function problemOf({ validFrom, validTo }: X509Certificate, atMs: number) {
  if (Date.parse(validTo) <= atMs) {
    return { code: 'ERR_CERTIFICATE_EXPIRED', problem: `expired on ${iso(validTo)}` } as const;
  }
  if (Date.parse(validFrom) > atMs) {
    const problem = `is not valid before ${iso(validFrom)}`;
    return { code: 'ERR_CERTIFICATE_NOT_YET_VALID', problem } as const;
  }
  return undefined;
}

function warningOf(certificate: X509Certificate, nowMs: number) {
  const wrong = problemOf(certificate, nowMs);
  if (wrong !== undefined) return { stage: wrong.code, problem: wrong.problem };
  const leftMs = Date.parse(certificate.validTo) - nowMs;
  const stage = WARN_DAYS.find((days) => leftMs <= days * DAY_MS);
  if (stage === undefined) return undefined;
  const days = Math.floor(leftMs / DAY_MS);
  const left = days === 0 ? 'less than a day' : `${days} ${days === 1 ? 'day' : 'days'}`;
  return { stage, problem: `expires on ${iso(certificate.validTo)}, in ${left}` };
}

function clock(nowMs: number): string {
  return `this device's clock says ${iso(nowMs)}`;
}

function iso(date: string | number): string {
  const instant = new Date(date);
  return Number.isNaN(instant.getTime()) ? String(date) : instant.toISOString();
}
