// PEM as people have it: textual encodings of RFC 7468, and what copying, environments and editors make of them.

/** A PEM block. */
export interface PemBlock {
  /** What stands after `BEGIN`, such as `EC PRIVATE KEY`. */
  readonly label: string;
  /** The block in its usual form. */
  readonly pem: string;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';

/** Whether this text is PEM itself and not a path to it. */
export function isPem(text: string): boolean {
  return text.includes(BEGIN);
}

/**
 * The PEM blocks of a text, in their order; text between them is passed over, and so is a block without its end. Takes
 * time in proportion to the text.
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

/** Whether a text has the beginning of a PEM block and not its end. */
export function isCutShort(text: string): boolean {
  return isPem(text) && pemBlocks(text).length < text.split(BEGIN).length - 1;
}

/** The header of a key that is encrypted the old way (RFC 1421), also in one line with what follows. */
const ENCRYPTED_HEADER =
  /^\s*(Proc-Type:\s*4,\s*ENCRYPTED)\s+(DEK-Info:\s*[\w-]+,\s*[0-9A-Fa-f]+)\s+/;

/** The body in lines: those of a header (RFC 1421, `Proc-Type:`) stay, base64 is wrapped again. */
function wrapped(body: string): string {
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
 * The bytes that a person means: without byte order mark, UTF-16 as UTF-8, PEM with line ends that are written out or in
 * a JSON string as PEM, base64 of DER or PEM as what it stands for. Other bytes as they are.
 */
export function meantBytes(bytes: Buffer): Buffer {
  const text = textOf(bytes);
  if (text === undefined) return bytes;
  if (isPem(text)) return Buffer.from(withLineEnds(text));
  const decoded = decodeBase64(text);
  if (decoded === undefined) return bytes;
  return isPem(decoded.toString('latin1')) ? meantBytes(decoded) : decoded;
}

/** The bytes that a text stands for: base64 of DER or PEM, in any number of lines. Undefined for another text. */
export function decodeBase64(text: string): Buffer | undefined {
  const compact = text.replace(/\s+/g, '');
  if (compact.length < MIN_BASE64_CHARACTERS || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)) {
    return undefined;
  }
  const bytes = Buffer.from(compact, 'base64');
  return isDer(bytes) || isPem(bytes.toString('latin1')) ? bytes : undefined;
}

/** Whether bytes are one DER sequence, as certificates and keys are (X.690, section 8.1). */
export function isDer(bytes: Buffer): boolean {
  const [tag, length = 0] = bytes;
  if (tag !== 0x30) return false;
  if (length < 0x80) return bytes.length === 2 + length;
  const octets = length & 0x7f;
  if (octets === 0 || octets > 4 || bytes.length < 2 + octets) return false;
  return bytes.length === 2 + octets + bytes.readUIntBE(2, octets);
}

/** Text of whatever encoding PEM comes in; undefined for bytes that are none. */
export function textOf(bytes: Buffer): string | undefined {
  const wide = bytes.length > 1 && bytes.length % 2 === 0 ? bytes.subarray(0, 64) : undefined;
  // Without a byte order mark: every other byte is 0 where text is of ASCII.
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
  // Control characters that text does not have.
  return /[^\P{Cc}\t\n\v\f\r\x80-\x9f]/u.test(text) ? undefined : text;
}

function withLineEnds(text: string): string {
  // Once or twice, as JSON in JSON has it; with the "/" of base64 as some write it in JSON.
  return text
    .replaceAll(/\\+r|\\u000d/gi, '')
    .replaceAll(/\\+n|\\u000a/gi, '\n')
    .replaceAll('\\/', '/');
}
