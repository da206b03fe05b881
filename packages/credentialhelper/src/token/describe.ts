import type { X509Certificate } from 'node:crypto';
import { certificateId } from '../identity/certificate.ts';
import { keyKind } from '../identity/key-kind.ts';
import { formatPkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { LogLine } from '../observe/log.ts';
import type { Pkcs11 } from '../pkcs11/pkcs11.ts';
import type { PrivateKeyInToken } from './find-key.ts';
import { type TokenSlot, tokenName } from './slots.ts';

/** Writes each line once: what a busy token rejects is tried several times. */
export function logOnce(log: LogLine | undefined): ((describe: () => string) => void) | undefined {
  if (log === undefined) return undefined;
  const seen = new Set<string>();
  return (describe) => {
    const line = describe();
    if (!seen.has(line)) log(line);
    seen.add(line);
  };
}

/** A library in a log line. */
export function describeLibrary(pkcs11: Pkcs11): string {
  try {
    const { description, manufacturer, version } = pkcs11.getInfo();
    return `PKCS#11 library ${pkcs11.path}: "${description}" by "${manufacturer}", version ${version}`;
  } catch (error) {
    return `PKCS#11 library ${pkcs11.path}: ${(error as Error).message}`;
  }
}

/** A token in a log line. */
export function describeToken(token: TokenSlot): string {
  const { serial, manufacturer, model } = token.info;
  return `${tokenName(token)}: serial number "${serial}", "${model}" by "${manufacturer}"`;
}

/** A key in a log line, with the certificate that belongs to it. */
export function describeKey(
  key: PrivateKeyInToken,
  chain: readonly X509Certificate[],
  signsForTls13: boolean,
): string {
  const own = chain[0] as X509Certificate;
  const { name } = keyKind(own.publicKey);
  const tls = signsForTls13 ? '' : '; without raw RSA, so only for TLS 1.2';
  const pin = key.alwaysAuthenticate ? '; logs in for each signature' : '';
  return `private key ${formatPkcs11Uri(key.attributes)} (${name})${tls}${pin}, for certificate ${certificateId(own)} (${chain.length} in its chain)`;
}
