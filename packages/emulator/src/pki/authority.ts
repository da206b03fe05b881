import { createPrivateKey, type KeyObject } from 'node:crypto';
import { issue } from './issue.ts';
import { makeKeyPair } from './keys.ts';

/** A private key and its certificate, both as PEM. */
export interface KeyAndCertificate {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

/** A certificate authority. */
export interface Authority extends KeyAndCertificate {
  /** Its name, the issuer in its certificates. */
  readonly subject: string;
}

/** Creates a certificate authority with a new key. */
export async function createAuthority(subject: string, from: Date, to: Date): Promise<Authority> {
  const { publicKey, privateKey } = await makeKeyPair('EC-P256');
  const issuer = { subject, privateKey };
  const certificatePem = await issue({ subject, publicKey, issuer, from, to, isCa: true });
  return { subject, privateKeyPem: privateKeyToPem(privateKey), certificatePem };
}

/** Returns the signing key of an authority. */
export function issuerOf({ subject, privateKeyPem }: Authority): {
  readonly subject: string;
  readonly privateKey: KeyObject;
} {
  return { subject, privateKey: createPrivateKey(privateKeyPem) };
}

/** Returns a private key as PEM (PKCS#8). */
export function privateKeyToPem(privateKey: KeyObject): string {
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}
