import { isAscii } from 'node:buffer';

// PEM in practice: textual encodings of RFC 7468, and their distortions by copying, environment variables and editors.

/** A PEM block. */
export interface PemBlock {
  /** The text after `BEGIN`, such as `EC PRIVATE KEY`. */
  readonly label: string;
  /** The normalized block. */
  readonly pem: string;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';

/** Whether this text is PEM and not a path. */
export function isPem(text: string): boolean {
  return text.includes(BEGIN);
}

/**
 * The PEM blocks of a text, in their order; text between them and blocks without an end are ignored. Takes linear
 * time.
 */
export function pemBlocks(text: string): readonly PemBlock[] {
  return text
    .split(BEGIN)
    .slice(1)
    .flatMap((part) => {
      const labelEnd = part.indexOf(DASHES);
      if (labelEnd === -1) return [];
      const label = part.slice(0, labelEnd);
      const end = part.indexOf(`-----END ${label}-----`, labelEnd);
      if (end === -1) return [];
      const body = part.slice(labelEnd + DASHES.length, end);
      return [{ label, pem: `${BEGIN}${label}-----\n${wrapped(body)}\n-----END ${label}-----\n` }];
    });
}

/** Whether a text has the beginning of a PEM block but not its end. */
export function isCutShort(text: string, blocks: readonly PemBlock[] = pemBlocks(text)): boolean {
  return blocks.length < text.split(BEGIN).length - 1;
}

/** The header of a key with traditional encryption (RFC 1421), also on one line with the following text. */
const ENCRYPTED_HEADER =
  /^\s*(Proc-Type:\s*4,\s*ENCRYPTED)\s+(DEK-Info:\s*[\w-]+,\s*[0-9A-Fa-f]+)\s+/;

/** A body as OpenSSL writes it, between two line ends. */
const NORMAL = /^\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n$/;

/** The body in lines: those of a header (RFC 1421, `Proc-Type:`) are kept, base64 is rewrapped. */
function wrapped(body: string): string {
  if (NORMAL.test(body)) return body.slice(1, -1);
  const lines = body
    .replace(ENCRYPTED_HEADER, '\n$1\n$2\n\n')
    .split(/\r\n?|\n/)
    .map((line) => line.trim());
  const headerEnd = lines.findLastIndex((line) => line.includes(':'));
  const header = lines.slice(0, headerEnd + 1).filter((line) => line !== '');
  const base64 = lines
    .slice(headerEnd + 1)
    .join('')
    .replace(/\s+/g, '');
  const rows = base64.match(/.{1,64}/g) ?? [];
  return [...header, ...(header.length > 0 ? [''] : []), ...rows].join('\n');
}

const MIN_BASE64_CHARACTERS = 64;

/**
 * Normalizes input: removes a byte order mark, converts UTF-16 to UTF-8, unescapes PEM with escaped line breaks or in
 * a JSON string, decodes base64 of DER or PEM. Other bytes are returned unchanged.
 */
export function meantBytes(bytes: Buffer): Buffer {
  if (isPlainPem(bytes)) return bytes;
  const text = textOf(bytes);
  if (text === undefined) return bytes;
  if (isPem(text)) return Buffer.from(withLineEnds(text));
  const decoded = decodeBase64(text);
  if (decoded === undefined) return bytes;
  return isPem(decoded.toString('latin1')) ? meantBytes(decoded) : decoded;
}

const BACKSLASH = 0x5c;

/** Whether bytes begin as PEM, and contain nothing that {@link meantBytes} changes. */
function isPlainPem(bytes: Buffer): boolean {
  return (
    bytes.toString('latin1', 0, BEGIN.length) === BEGIN &&
    isAscii(bytes) &&
    !bytes.includes(0) &&
    !bytes.includes(BACKSLASH)
  );
}

/** Decodes base64 of DER or PEM, in any number of lines. Undefined for other text. */
export function decodeBase64(text: string): Buffer | undefined {
  const compact = text.replace(/\s+/g, '');
  if (compact.length < MIN_BASE64_CHARACTERS || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)) {
    return undefined;
  }
  const bytes = Buffer.from(compact, 'base64');
  return isDer(bytes) || isPem(bytes.toString('latin1')) ? bytes : undefined;
}

/** Whether bytes are one DER sequence, like certificates and keys (X.690, section 8.1). */
export function isDer(bytes: Buffer): boolean {
  const [tag, length = 0] = bytes;
  if (tag !== 0x30) return false;
  if (length < 0x80) return bytes.length === 2 + length;
  const octets = length & 0x7f;
  if (octets === 0 || octets > 4 || bytes.length < 2 + octets) return false;
  return bytes.length === 2 + octets + bytes.readUIntBE(2, octets);
}

/** Decodes text in any encoding of PEM; undefined for binary data. */
export function textOf(bytes: Buffer): string | undefined {
  const wide = bytes.length > 1 && bytes.length % 2 === 0 ? bytes.subarray(0, 64) : undefined;
  // Without a byte order mark: in ASCII text every other byte is 0.
  if (wide?.every((byte, index) => (byte === 0) === (index % 2 === 1))) {
    return bytes.toString('utf16le');
  }
  if (wide?.every((byte, index) => (byte === 0) === (index % 2 === 0))) {
    return Buffer.from(bytes).swap16().toString('utf16le');
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return Buffer.from(bytes.subarray(2, bytes.length & ~1))
      .swap16()
      .toString('utf16le');
  }
  const text = bytes.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '');
  // Control characters that do not occur in text.
  return /[^\P{Cc}\t\n\v\f\r\x80-\x9f]/u.test(text) ? undefined : text;
}

function withLineEnds(text: string): string {
  if (!text.includes('\\')) return text;
  // Once or twice, as in nested JSON; also with the "/" of base64 escaped.
  return text
    .replaceAll(/\\+r|\\u000d/gi, '')
    .replaceAll(/\\+n|\\u000a/gi, '\n')
    .replaceAll('\\/', '/');
}
