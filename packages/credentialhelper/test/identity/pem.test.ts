import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCutShort, meantBytes, pemBlocks } from '../../src/identity/pem.ts';

interface Block {
  readonly label: string;
  readonly header: readonly string[];
  readonly base64: string;
}

/** The header of a key with traditional encryption (RFC 1421). */
const ENCRYPTED = [
  'Proc-Type: 4,ENCRYPTED',
  'DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF',
];
const block: fc.Arbitrary<Block> = fc.record({
  label: fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'EC PRIVATE KEY', 'X509 CRL'),
  header: fc.constantFrom([], ENCRYPTED),
  base64: fc
    .uint8Array({ minLength: 60, maxLength: 120 })
    .map((bytes) => Buffer.from(bytes).toString('base64')),
});
const blocks = fc.array(block, { minLength: 1, maxLength: 3 });

/** As RFC 7468 has it, in lines of a width. */
function write({ label, header, base64 }: Block, width = 64): string {
  const lines = base64.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  const body = [...header, ...(header.length > 0 ? [''] : []), ...lines].join('\n');
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const read = (bytes: Buffer) => pemBlocks(meantBytes(bytes).toString('latin1'));

/** What editors, shells and configuration formats make of PEM. */
const DISTORTIONS: Readonly<Record<string, (pem: string) => Buffer>> = {
  nothing: (pem) => Buffer.from(pem),
  'CRLF line ends': (pem) => Buffer.from(pem.replaceAll('\n', '\r\n')),
  'CR line ends': (pem) => Buffer.from(pem.replaceAll('\n', '\r')),
  'spaces instead of line ends': (pem) => Buffer.from(pem.replaceAll('\n', ' ')),
  'no line ends': (pem) => Buffer.from(pem.replaceAll('\n', '')),
  'escaped line ends': (pem) => Buffer.from(pem.replaceAll('\n', '\\n')),
  'a JSON string': (pem) => Buffer.from(JSON.stringify(pem)),
  'a JSON string in a JSON string': (pem) => Buffer.from(JSON.stringify(JSON.stringify(pem))),
  'indented lines': (pem) => Buffer.from(pem.replaceAll('\n', '\n    ')),
  'blanks at the ends of lines': (pem) => Buffer.from(pem.replaceAll('\n', ' \t\n')),
  'a byte order mark': (pem) => Buffer.from(`\ufeff${pem}`),
  'UTF-16': (pem) => Buffer.from(`\ufeff${pem}`, 'utf16le'),
  'UTF-16 without a byte order mark': (pem) => Buffer.from(pem, 'utf16le'),
  'UTF-16, big-endian': (pem) => Buffer.from(`\ufeff${pem}`, 'utf16le').swap16(),
  base64: (pem) => Buffer.from(Buffer.from(pem).toString('base64')),
  'base64 in lines': (pem) =>
    Buffer.from(Buffer.from(pem).toString('base64').replaceAll(/.{76}/g, '$&\n')),
};

describe('PEM', () => {
  it.each(Object.entries(DISTORTIONS))('is read with %s', (name, distort) => {
    // A header cannot be told apart without line ends.
    const given = name === 'no line ends' ? block.map((one) => ({ ...one, header: [] })) : block;
    fc.assert(
      fc.property(
        fc.array(given, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 80 }),
        fc.constantFrom('', 'Bag Attributes\n', 'subject=CN = x\n\n'),
        (all, width, before) => {
          const text = all.map((one) => before + write(one, width)).join('');
          const bytes = distort(text);
          expect(read(bytes)).toEqual(all.map((one) => ({ label: one.label, pem: write(one) })));
          expect(isCutShort(meantBytes(bytes).toString('latin1'))).toBe(false);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is noticed to be cut short, at any place of a block', () => {
    fc.assert(
      fc.property(blocks, fc.double({ min: 0, max: 1, noNaN: true }), (all, part) => {
        const pem = all
          .map((one) => write(one))
          .join('')
          .trimEnd();
        const last = pem.lastIndexOf('-----BEGIN ') + '-----BEGIN '.length;
        const cut = last + Math.floor(part * (pem.length - 1 - last));
        expect(isCutShort(pem.slice(0, cut))).toBe(true);
      }),
    );
  });

  it('is normalized: what is read is read again unchanged, whatever the text is', () => {
    const piece = fc.oneof(
      fc.constantFrom('-----BEGIN ', '-----END ', '-----', 'A', 'A-----', '\n', '\r', ' ', ':'),
      fc.constantFrom('Proc-Type: 4,ENCRYPTED\n', 'DEK-Info: AES-128-CBC,00FF\n\n', 'AAAA', '\\n'),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30, size: 'max' }), (pieces) => {
        for (const found of pemBlocks(pieces.join(''))) {
          expect(pemBlocks(found.pem)).toEqual([found]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('or anything else becomes bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(meantBytes(Buffer.from(bytes))).toBeInstanceOf(Buffer);
      }),
    );
  });
});
