import type { KeyObject } from 'node:crypto';
import { BitString, Constructed, fromBER, Integer, Null, ObjectIdentifier, Sequence } from 'asn1js';
import { type Hash, hashOf } from './sign.ts';

/** The signer of a request: a key in a token. ECDSA signatures are r and s concatenated. */
export type Signer = (hash: Hash, message: Buffer) => Buffer;

/** The signature algorithms (RFC 8017, appendix A.2.4; RFC 5758, section 3.2). */
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';
const ECDSA_WITH: Readonly<Record<Hash, string>> = {
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};

/**
 * Creates a certificate signing request (PKCS #10, RFC 2986).
 *
 * @param subject - the distinguished name of the certificate
 * @returns the request as PEM
 */
export function createCsr(subject: Sequence, publicKey: KeyObject, sign: Signer): string {
  const info = new Sequence({
    value: [
      new Integer({ value: 0 }),
      subject,
      fromBER(publicKey.export({ type: 'spki', format: 'der' })).result,
      // No attributes: the empty set is still required, with the tag [0].
      new Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [] }),
    ],
  });
  const hash = hashOf(publicKey);
  const signature = sign(hash, Buffer.from(info.toBER()));
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  const request = new Sequence({
    value: [
      info,
      new Sequence({
        value: isRsa
          ? [new ObjectIdentifier({ value: SHA256_WITH_RSA }), new Null()]
          : [new ObjectIdentifier({ value: ECDSA_WITH[hash] })],
      }),
      new BitString({ valueHex: bytesOf(isRsa ? signature : ecdsaDer(signature)) }),
    ],
  });
  return toPem(Buffer.from(request.toBER()));
}

/** Ecdsa-Sig-Value (RFC 5480, appendix A) of r and s concatenated. */
function ecdsaDer(signature: Buffer): Buffer {
  const half = signature.length / 2;
  const value = [signature.subarray(0, half), signature.subarray(half)].map((part) =>
    Integer.fromBigInt(BigInt(`0x${part.toString('hex')}`)),
  );
  return Buffer.from(new Sequence({ value }).toBER());
}

function bytesOf(buffer: Buffer): ArrayBuffer {
  return Uint8Array.from(buffer).buffer;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `${['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----'].join('\n')}\n`;
}
