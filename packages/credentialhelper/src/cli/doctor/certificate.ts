import type { X509Certificate } from 'node:crypto';
import { isKeyObject } from 'node:util/types';
import { ERROR_CODES } from '../../error-codes.ts';
import { describeCertificate, readCertificates, weakHash } from '../../identity/certificate.ts';
import { validityOf } from '../../identity/certificate-dates.ts';
import { KEY_KIND_HINT, keyKind } from '../../identity/key-kind.ts';
import { chainForKeyOf } from '../../identity/key-pair.ts';
import { readPrivateKey } from '../../identity/private-key.ts';
import { readPipes, type Source, sourceName } from '../../identity/read-source.ts';
import type { FileKeySettings } from '../../options/options.ts';
import { fix, show } from './commands.ts';
import { type Finding, failed, failedWith, type Remedy, worked } from './finding.ts';

/** The certificates of the device, and the finding for them. */
export interface CertificateResult {
  readonly finding: Finding;
  /** Empty if they cannot be read. */
  readonly certificates: readonly X509Certificate[];
}

/**
 * Tests the device certificate in a file.
 *
 * @param nowMs - the time, by the clock of the server if it is known, in epoch milliseconds
 */
export async function testCertificate(
  source: Source,
  timeoutMs: number,
  nowMs: number,
): Promise<CertificateResult> {
  try {
    await readPipes([source], timeoutMs);
    const certificates = readCertificates(source, 'certificate');
    const own = certificates.find(({ ca }) => !ca) ?? certificates[0];
    if (own === undefined) throw new Error(`${sourceName(source, 'certificate')} is empty`);
    return { finding: certificateFinding(own, certificates, nowMs), certificates };
  } catch (error) {
    return { finding: failedWith('certificate', error), certificates: [] };
  }
}

/** The finding for a certificate of the device: its validity period, signature and key. */
export function certificateFinding(
  own: X509Certificate,
  chain: readonly X509Certificate[],
  nowMs: number,
): Finding {
  const what = describeCertificate(own).replace(/^certificate /, '');
  const others = chain.filter((one) => one !== own).map((one) => describeCertificate(one));
  const details = others.map((text) => `with ${text}`);
  const hash = weakHash(own);
  if (hash !== undefined && !own.checkIssued(own)) {
    return failed('certificate', `${what} is signed with ${hash}, which TLS does not accept`, {
      what: 'have a certificate issued that is signed with SHA-256',
    });
  }
  const kind = keyKind(own.publicKey);
  if (!kind.accepted) {
    return failed('certificate', `${what} is for a key of type ${kind.name}`, {
      what: KEY_KIND_HINT,
    });
  }
  const validity = validityOf(own, nowMs);
  if (validity === undefined) {
    const until = new Date(own.validTo).toISOString();
    return worked('certificate', `${what}, ${kind.name}, valid until ${until}`, details);
  }
  const { problem, code } = validity;
  const status = code === undefined ? 'warn' : 'failed';
  const finding = { step: 'certificate', status, seen: `${what} ${problem}`, details } as const;
  return code === undefined
    ? { ...finding, remedy: RENEWAL }
    : { ...finding, code, remedy: { ...RENEWAL, what: ERROR_CODES[code].remedy } };
}

const RENEWAL: Remedy = {
  what: 'have a new certificate issued in time',
  commands: [
    fix(
      ...['aws', 'iot', 'create-certificate-from-csr', '--set-as-active'],
      ...['--certificate-signing-request', 'file://device.csr'],
    ),
  ],
};

/**
 * Tests a private key in a file: whether it can be read, belongs to the certificate, and is hidden from other users.
 *
 * @param warnings - those of its passphrase file
 */
export async function testKeyFile(
  { source, passphrase, certificate }: FileKeySettings,
  certificates: readonly X509Certificate[],
  timeoutMs: number,
  warnings: readonly string[],
): Promise<Finding> {
  const exposed = [...warnings];
  const from = isKeyObject(source) ? 'a KeyObject' : sourceName(source, 'privateKey');
  try {
    await readPipes([source], timeoutMs);
    const secret = await passphrase.read(timeoutMs);
    const key = readPrivateKey(source, secret, { warn: (text) => exposed.push(text) });
    const seen = `${keyKind(key).name} in ${from}`;
    if (certificates.length === 0) {
      return withWarnings(
        worked('key', `${seen}; there is no certificate to compare it with`),
        exposed,
      );
    }
    chainForKeyOf(source, key, certificates, secret);
    return withWarnings(worked('key', `${seen}, belongs to the certificate`), exposed);
  } catch (error) {
    const paths = [source, certificate].filter((one) => typeof one === 'string');
    const [keyFile, certificateFile] = paths;
    const isPair = keyFile !== undefined && certificateFile !== undefined;
    const finding = failedWith('key', error);
    if (finding.code !== 'ERR_KEY_CERTIFICATE_MISMATCH' || !isPair) return finding;
    return failedWith('key', error, [
      show('openssl', 'pkey', '-in', keyFile, '-pubout'),
      show('openssl', 'x509', '-in', certificateFile, '-noout', '-pubkey'),
    ]);
  }
}

/** A finding with warnings about files that other users can read. */
export function withWarnings(finding: Finding, warnings: readonly string[]): Finding {
  const [first] = warnings;
  if (first === undefined || finding.status === 'failed') return finding;
  const files = warnings.flatMap((text) => {
    const [, path] = /"(\/[^"]+)".* can be read by other users/.exec(text) ?? [];
    return path === undefined ? [] : [path];
  });
  return {
    ...finding,
    status: 'warn',
    details: [...(finding.details ?? []), ...warnings],
    remedy: {
      what: "only the user of the device's programs should be able to read it",
      commands: files.map((path) => fix('chmod', '600', path)),
    },
  };
}
