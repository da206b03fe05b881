import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { BitString, fromBER, GeneralizedTime, Integer, ObjectIdentifier, Sequence } from 'asn1js';
import { commonName, subjectName } from './subject.ts';

/** A key pair of this process with an untrusted certificate. */
export interface Throwaway {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Issues a certificate (RFC 5280, section 4.1) for a test handshake within this process, signed with a new key.
 *
 * @param publicKey - the key to certify; default: the new key
 */
export function makeThrowaway(publicKey?: KeyObject): Throwaway {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = subjectName(commonName('test handshake'));
  const algorithm = new Sequence({ value: [new ObjectIdentifier({ value: ECDSA_WITH_SHA256 })] });
  const time = (offsetMs: number) =>
    new GeneralizedTime({ valueDate: new Date(Math.trunc((Date.now() + offsetMs) / 1000) * 1000) });
  const spki = (publicKey ?? pair.publicKey).export({ type: 'spki', format: 'der' });
  const body = new Sequence({
    value: [
      new Integer({ value: 1 }),
      algorithm,
      name,
      new Sequence({ value: [time(-DAY_MS), time(DAY_MS)] }),
      name,
      fromBER(spki).result,
    ],
  });
  const signature = sign('sha256', Buffer.from(body.toBER()), pair.privateKey);
  const certificate = new Sequence({
    value: [body, algorithm, new BitString({ valueHex: Uint8Array.from(signature).buffer })],
  });
  return {
    key: pair.privateKey,
    certificate: new X509Certificate(Buffer.from(certificate.toBER())),
  };
}
