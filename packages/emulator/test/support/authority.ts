import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateId } from '../../src/pki/certificate-id.ts';

/** A certificate that OpenSSL issued, and its key. */
export interface Issued {
  /** The certificate's id in AWS IoT. */
  readonly id: string;
  readonly pem: string;
  readonly privateKey: string;
}

/** A certificate authority. */
export interface TestAuthority extends Issued {
  /**
   * Issues a certificate.
   *
   * @param subject - as in OpenSSL's option `-subj`, UTF-8: `/CN=device/OU=a+OU=b`
   */
  issue(subject: string): Issued;
  /** Creates a certificate signing request for such a subject, with a new key. */
  request(subject: string): Pick<Issued, 'privateKey'> & {
    readonly certificateSigningRequest: string;
  };
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Creates a certificate authority with OpenSSL. */
export function makeAuthority(subject = '/CN=The CA'): TestAuthority {
  const ca = inFolder((file) => {
    openssl(...newKey(file, 'ca', subject), '-x509', '-out', file('ca.pem'));
    return read(file, 'ca');
  });
  const request = (name: string) =>
    inFolder((file) => {
      openssl(...newKey(file, 'one', name), '-out', file('one.csr'));
      return {
        certificateSigningRequest: readFileSync(file('one.csr'), 'utf8'),
        privateKey: readFileSync(file('one.key'), 'utf8'),
      };
    });
  const issue = (name: string) =>
    inFolder((file) => {
      writeFileSync(file('ca.pem'), ca.pem);
      writeFileSync(file('ca.key'), ca.privateKey);
      openssl(...newKey(file, 'one', name), '-out', file('one.csr'));
      const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
      openssl('x509', '-req', '-in', file('one.csr'), ...signer, '-out', file('one.pem'));
      return read(file, 'one');
    });
  return { ...ca, issue, request };
}

type File = (name: string) => string;

function newKey(file: File, name: string, subject: string): readonly string[] {
  return ['req', ...EC, '-keyout', file(`${name}.key`), '-utf8', '-subj', subject];
}

function read(file: File, name: string): Issued {
  const pem = readFileSync(file(`${name}.pem`), 'utf8');
  const { raw } = new X509Certificate(pem);
  return { id: certificateId(raw), pem, privateKey: readFileSync(file(`${name}.key`), 'utf8') };
}

function inFolder<T>(task: (file: File) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'authority-'));
  try {
    return task((name) => join(dir, name));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
