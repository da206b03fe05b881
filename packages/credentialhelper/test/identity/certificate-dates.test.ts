import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/error-codes.ts';
import { CredentialHelperError } from '../../src/errors.ts';
import { certificateId } from '../../src/identity/certificate.ts';
import {
  certificateDateProblem,
  watchCertificateDates,
} from '../../src/identity/certificate-dates.ts';
import { makeDated } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const DAY = 86_400_000;
const BEGIN = Date.UTC(2026, 0, 1);
const END = Date.UTC(2027, 0, 1);
const [certificate, rotated] = ['one', 'two'].map(
  (name) => new X509Certificate(readFileSync(makeDated(folder, name, BEGIN, END).certificateFile)),
) as [X509Certificate, X509Certificate];

/** The checks with a manual clock. */
function watch() {
  const warnings: string[] = [];
  const clock = { nowMs: BEGIN + DAY };
  const logger = { warn: (message: string) => warnings.push(message) };
  const dates = watchCertificateDates(logger, () => clock.nowMs);
  /** The warnings for a certificate at a point in time. */
  const at = (nowMs: number, seen = certificate) => {
    clock.nowMs = nowMs;
    dates.see(seen);
    return warnings.splice(0).join('\n');
  };
  return { dates, clock, at };
}

describe('certificateDateProblem', () => {
  it.each([
    ['within its dates', BEGIN, undefined],
    [
      'after its end',
      END,
      / expired on 2027-01-01T00:00:00.000Z; this device's clock says 2027-01-01T00:00:00.000Z$/,
    ],
    ['before its beginning', BEGIN - 1, / is not valid before 2026-01-01.*clock says 2025-12-31/],
  ])('%s', (_name, now, expected) => {
    const problem = certificateDateProblem(certificate, now);
    if (expected === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(expected);
  });
});

describe('a warning', () => {
  it('is logged at 30 days, at 7 days and after the expiration, once each', () => {
    const { at } = watch();
    expect(at(END - 31 * DAY)).toBe('');
    expect(at(END - 30 * DAY)).toBe(
      `certificate ${certificateId(certificate)} (CN=one) expires on 2027-01-01T00:00:00.000Z, in 30 days; this device's clock says 2026-12-02T00:00:00.000Z`,
    );
    expect(at(END - 8 * DAY)).toBe('');
    expect(at(END - 7 * DAY)).toContain('in 7 days');
    expect(at(END - 1000)).toBe('');
    expect(at(END)).toContain('expired on 2027-01-01');
    expect(at(END + DAY)).toBe('');
  });

  it('is logged once if the certificate is first used late', () => {
    expect(watch().at(END - 1.5 * DAY)).toMatch(/, in 1 day; [^\n]*$/);
    expect(watch().at(END - 1000)).toContain('in less than a day');
  });

  it('is logged once before the certificate is valid', () => {
    const { at } = watch();
    expect(at(BEGIN - DAY)).toContain('is not valid before 2026-01-01');
    expect(at(BEGIN - 1)).toBe('');
    expect(at(BEGIN)).toBe('');
  });

  it('is logged again for another certificate', () => {
    const { at } = watch();
    expect(at(END - DAY)).toContain('(CN=one)');
    expect(at(END - DAY, rotated)).toContain('(CN=two)');
    expect(at(END - DAY)).toBe('');
  });
});

describe('the error of a request', () => {
  const failure = (code: ErrorCode) =>
    new CredentialHelperError('what it said', { code, httpStatus: 403, requestId: 'id-1' });
  const explain = (code: ErrorCode, nowMs: number, serverMs?: number) => {
    const { dates, clock } = watch();
    dates.see(certificate);
    clock.nowMs = nowMs;
    const error = failure(code);
    return { error, explained: dates.explain(error, serverMs) as CredentialHelperError };
  };

  it.each<[ErrorCode, number, ErrorCode]>([
    ['ERR_CLIENT_CERTIFICATE_REFUSED', END, 'ERR_CERTIFICATE_EXPIRED'],
    ['ERR_CONNECTION_RESET', END, 'ERR_CERTIFICATE_EXPIRED'],
    ['ERR_CERTIFICATE_NOT_REGISTERED', END, 'ERR_CERTIFICATE_EXPIRED'],
    ['ERR_ACCESS_DENIED', END, 'ERR_CERTIFICATE_EXPIRED'],
    ['ERR_CLIENT_CERTIFICATE_REFUSED', BEGIN - 1, 'ERR_CERTIFICATE_NOT_YET_VALID'],
  ])('%s is explained by the dates', (code, nowMs, expected) => {
    const { error, explained } = explain(code, nowMs);
    expect(explained).toMatchObject({ code: expected, httpStatus: 403, requestId: 'id-1' });
    expect(explained.cause).toBe(error);
    expect(explained.message).toContain(certificateId(certificate));
    expect(explained.message).toMatch(/2027-01-01|2026-01-01/);
    expect(explained.message).toContain("this device's clock says 202");
    expect(explained.message).toContain('what it said');
  });

  it.each<[ErrorCode, number, number | undefined]>([
    ['ERR_ACCESS_DENIED', BEGIN, undefined],
    // These mean that the certificate was accepted.
    ['ERR_THING_NAME', END, undefined],
    ['ERR_ROLE_ALIAS_NOT_FOUND', END, undefined],
    ['ERR_TIMEOUT', END, undefined],
    // By the clock of the server it is valid.
    ['ERR_ACCESS_DENIED', END, END - DAY],
  ])('%s at %d (server: %s) is unchanged', (code, nowMs, serverMs) => {
    const { error, explained } = explain(code, nowMs, serverMs);
    expect(explained).toBe(error);
  });

  it("goes by the server's clock, and names both", () => {
    const { explained } = explain('ERR_ACCESS_DENIED', END - DAY, END);
    expect(explained.code).toBe('ERR_CERTIFICATE_EXPIRED');
    expect(explained.message).toContain(
      "this device's clock says 2026-12-31T00:00:00.000Z, the server's 2027-01-01T00:00:00.000Z",
    );
  });

  it('of another kind is unchanged', () => {
    const { dates } = watch();
    const error = new Error('a defect');
    expect(dates.explain(error)).toBe(error);
    expect(dates.explain(failure('ERR_ACCESS_DENIED'))).toHaveProperty('code', 'ERR_ACCESS_DENIED');
  });
});
