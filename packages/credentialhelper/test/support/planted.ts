import { createECDH, createHash, createPrivateKey } from 'node:crypto';
import { inspect } from 'node:util';

/** The minimum length of a detected piece of a secret, in characters. */
const PIECE = 8;

/** A secret in every encoding that a message could contain, cut into pieces. */
export class Planted {
  readonly #pieces = new Set<string>();

  /**
   * @param texts - encodings of the secret of {@link PIECE} characters or more; all further encodings of each are
   * detected
   */
  constructor(...texts: readonly string[]) {
    for (const text of texts) {
      for (const form of encodings(text)) {
        for (let i = 0; i + PIECE <= form.length; i++) this.#pieces.add(form.slice(i, i + PIECE));
      }
    }
  }

  /** The first piece of the secret in a text, case-insensitive; undefined if there is none. */
  find(text: string): string | undefined {
    for (const searched of [text, text.toLowerCase(), text.toUpperCase()]) {
      for (let i = 0; i + PIECE <= searched.length; i++) {
        const piece = searched.slice(i, i + PIECE);
        if (this.#pieces.has(piece)) return piece;
      }
    }
    return undefined;
  }
}

function encodings(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const json = JSON.stringify(text).slice(1, -1);
  return [
    text,
    text.toLowerCase(),
    text.toUpperCase(),
    text.normalize('NFD'),
    json,
    encodeURIComponent(text),
    // In the encoding of a PKCS#11 URI.
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`),
    bytes.toString('hex').replaceAll(/../g, '%$&').toUpperCase(),
    bytes.toString('hex'),
    withoutLastGroup(bytes.toString('base64')),
    withoutLastGroup(bytes.toString('base64url')),
    bytes.toString('latin1'),
    // In the format of numbers in Node.js's messages.
    ...(/^\d+$/.test(text) ? [text.replaceAll(/\B(?=(\d{3})+$)/g, '_')] : []),
  ];
}

/** The last characters of base64 depend on what follows. */
function withoutLastGroup(base64: string): string {
  return base64.slice(0, -4);
}

/** A fixed private key (EC P-256, PKCS#8 PEM), so that failures are reproducible. */
export function sameKeyEachTime(): string {
  const ecdh = createECDH('prime256v1');
  const d = createHash('sha256').update('planted').digest();
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.toString('base64url', 1, 33),
    y: point.toString('base64url', 33),
    d: d.toString('base64url'),
  };
  return String(
    createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' }),
  );
}

/** The secret parts of a private key, to detect them in any encoding. */
export function plantedKey(pem: string): Planted {
  const key = createPrivateKey(pem);
  const { d = '' } = key.export({ format: 'jwk' });
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const body = pem.split('\n').filter((line) => /^[A-Za-z0-9+/=]+$/.test(line));
  return new Planted(d, der.toString('base64'), der.toString('hex'), body.join(''), ...body);
}

/** All text of an error and of its causes. */
export function allOf(error: unknown): string {
  const texts: string[] = [];
  for (let one = error; one !== undefined && one !== null; one = (one as Error).cause) {
    const { message, hint, code, stack } = one as Record<string, unknown>;
    texts.push(String(message), String(hint), String(code), String(stack), json(one));
  }
  texts.push(inspect(error, { depth: 9, showHidden: true, maxStringLength: null }));
  return texts.join('\n');
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}
