import {
  createPrivateKey,
  createPublicKey,
  getCipherInfo,
  type KeyObject,
  type PrivateKeyInput,
  X509Certificate,
} from 'node:crypto';
import { isKeyObject } from 'node:util/types';
import { CredentialHelperError } from '../errors.ts';
import { optionName } from '../option-names.ts';
import { KEY_KIND_HINT, keyKind } from './key-kind.ts';
import { CERTIFICATE, type Kind, kindOfBytes, PUBLIC_KEY } from './kinds.ts';
import { isPem, pemBlocks } from './pem.ts';
import { readSource, type Source } from './read-source.ts';
import type { Secret } from './secret.ts';
import { type Warn, warnOfAccess } from './secret-file.ts';

/** The name in messages of a key that is passed as a `KeyObject`. */
const KEY_OBJECT = 'the KeyObject given as "privateKey"';

const PEM_PRIVATE_KEY = /^(RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY$/;

/** How a private key is read. */
interface KeyReading {
  /** The name of the option, for messages. Default `privateKey`. */
  readonly option?: string;
  /** Called for a file that other users can read. Default: no warning. */
  readonly warn?: Warn;
}

/**
 * Reads a private key: PKCS#1, SEC1, PKCS#8 or encrypted PKCS#8, as PEM or DER; also PEM with traditional encryption
 * (`Proc-Type: 4,ENCRYPTED`). Other PEM blocks in the same text, such as EC parameters, are ignored.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_PRIVATE_KEY_INVALID`, `ERR_PASSPHRASE_REQUIRED`,
 * `ERR_PASSPHRASE_WRONG`
 */
export function readPrivateKey(
  source: Source | KeyObject,
  passphrase?: Secret,
  reading?: KeyReading,
): KeyObject {
  return readKey(source, passphrase, reading).key;
}

/** A private key, and its PEM unless it was read from another format or encrypted. */
interface KeyAndPem {
  readonly key: KeyObject;
  readonly pem?: string;
}

/**
 * Same as {@link readPrivateKey}, with the key as PEM, not encrypted.
 *
 * @throws {@link CredentialHelperError} errors of {@link readPrivateKey}
 */
export function readPrivateKeyAndPem(
  source: Source | KeyObject,
  passphrase?: Secret,
  reading?: KeyReading,
): Required<KeyAndPem> {
  const { key, pem } = readKey(source, passphrase, reading);
  return { key, pem: pem ?? key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function readKey(
  source: Source | KeyObject,
  passphrase: Secret | undefined,
  { option = 'privateKey', warn = () => {} }: KeyReading = {},
): KeyAndPem {
  if (isKeyObject(source)) return { key: checkKind(source, KEY_OBJECT) };
  const { bytes, name } = readSource(source, option, (stats, what) =>
    warnOfAccess(stats, `the private key in ${what}`, warn),
  );
  const text = bytes.toString('latin1');
  const read = isPem(text)
    ? parsePem(text, name, passphrase)
    : { key: parseDer(bytes, name, passphrase) };
  checkKind(read.key, name);
  return read;
}

/**
 * The private keys after the first in the same PEM text, in their order; undefined for one that cannot be
 * read.
 */
export function otherPrivateKeys(
  source: Source,
  passphrase?: Secret,
): readonly (KeyObject | undefined)[] {
  const text = readSource(source, 'privateKey').bytes.toString('latin1');
  const [, ...others] = pemBlocks(text).filter(({ label }) => isPrivateKeyLabel(label));
  return others.map(({ pem }) => {
    try {
      return createPrivateKey(withPassphrase({ key: pem, format: 'pem' }, passphrase));
    } catch {
      return undefined;
    }
  });
}

/** Whether the label of a PEM block is that of a supported private key. */
export function isPrivateKeyLabel(label: string): boolean {
  return PEM_PRIVATE_KEY.test(label);
}

function parsePem(text: string, name: string, passphrase: Secret | undefined): KeyAndPem {
  const block = pemBlocks(text).find(({ label }) => PEM_PRIVATE_KEY.test(label));
  if (block === undefined) throw unreadable(name, Buffer.from(text, 'latin1'));
  const { label, pem } = block;
  if (pem.includes('Proc-Type:')) return { key: parseEncryptedPem(pem, name, passphrase) };
  try {
    return { key: parseQuickly(label, pem) ?? createPrivateKey({ key: pem, format: 'pem' }), pem };
  } catch {
    // The label may be wrong, and for encrypted keys the bytes are more specific.
    return { key: parseDer(derOf(pem), name, passphrase) };
  }
}

/** The formats of DER whose label is specific. */
const DER_TYPES: Readonly<Record<string, 'pkcs1' | 'sec1'>> = {
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
};

/** OpenSSL 3.0, of Node.js 20, takes three times as long for PEM as for DER of a known type; later versions do not. */
const IS_PEM_SLOW = process.versions.openssl?.startsWith('3.0.') === true;

/** Parses a key by its label, if that is quicker; undefined if not, and if the label is wrong. */
function parseQuickly(label: string, pem: string): KeyObject | undefined {
  const type = IS_PEM_SLOW ? DER_TYPES[label] : undefined;
  if (type === undefined) return undefined;
  try {
    return createPrivateKey({ key: derOf(pem), format: 'der', type });
  } catch {
    return undefined;
  }
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/^-.*$/gm, ''), 'base64');
}

/** Ciphers that OpenSSL 3 has only in its legacy provider, although Node.js lists them. */
const LEGACY_NAMES = /^(?:DES(?!-EDE)|RC[245]|BF|CAST|SEED|IDEA)/i;

/** A key with traditional encryption (RFC 1421): its header names the cipher. */
function parseEncryptedPem(pem: string, name: string, passphrase: Secret | undefined): KeyObject {
  const [, cipher = '', salt = ''] = /^DEK-Info: *([\w-]+), *([0-9A-F]+)$/im.exec(pem) ?? [];
  const info = getCipherInfo(cipher.toLowerCase() || 'none');
  if (cipher === '' || (info !== undefined && salt.length !== 2 * (info.ivLength ?? 0))) {
    throw new CredentialHelperError(
      `the private key in ${name} is encrypted, and its DEK-Info line is damaged`,
      { code: 'ERR_PRIVATE_KEY_INVALID', hint: 'copy the whole file again' },
    );
  }
  if (passphrase === undefined) throw passphraseRequired(name);
  try {
    return createPrivateKey(withPassphrase({ key: pem, format: 'pem' }, passphrase));
  } catch (cause) {
    throw info === undefined || LEGACY_NAMES.test(cipher)
      ? notSupported(name, cause, cipher)
      : wrongPassphrase(name, cause);
  }
}

// DER has no label: the formats are tried in turn.
function parseDer(bytes: Buffer, name: string, passphrase: Secret | undefined): KeyObject {
  const causes: NodeJS.ErrnoException[] = [];
  for (const type of ['pkcs1', 'sec1', 'pkcs8'] as const) {
    try {
      return createPrivateKey({ key: bytes, format: 'der', type });
    } catch (cause) {
      causes.push(cause as NodeJS.ErrnoException);
    }
  }
  if (!causes.some(({ code }) => code === 'ERR_MISSING_PASSPHRASE')) {
    throw unreadable(name, bytes, causes.at(-1));
  }
  if (passphrase === undefined) throw passphraseRequired(name);
  try {
    return createPrivateKey(
      withPassphrase({ key: bytes, format: 'der', type: 'pkcs8' }, passphrase),
    );
  } catch (cause) {
    // A wrong passphrase may happen to decrypt without an error, to data that cannot be parsed.
    throw notDecrypted(name, cause, bytes);
  }
}

function withPassphrase(input: PrivateKeyInput, passphrase: Secret | undefined): PrivateKeyInput {
  return passphrase === undefined ? input : { ...input, passphrase: passphrase.reveal() };
}

function checkKind(key: KeyObject, name: string): KeyObject {
  if (key.type !== 'private') {
    throw new CredentialHelperError(`${name} is a ${key.type} key`, {
      code: 'ERR_PRIVATE_KEY_INVALID',
      hint: 'pass the private key',
    });
  }
  const kind = keyKind(key);
  if (!kind.accepted) {
    throw new CredentialHelperError(
      `the private key in ${name} is ${kind.name}, which AWS IoT does not support`,
      { code: 'ERR_PRIVATE_KEY_INVALID', hint: KEY_KIND_HINT },
    );
  }
  return key;
}

function passphraseRequired(name: string): CredentialHelperError {
  return new CredentialHelperError(`the private key in ${name} is encrypted`, {
    code: 'ERR_PASSPHRASE_REQUIRED',
    hint: `pass its passphrase as ${optionName('passphrase')}`,
  });
}

/** OpenSSL's errors for a missing cipher or digest, or for a memory limit. */
const NOT_SUPPORTED: ReadonlySet<string> = new Set([
  'ERR_OSSL_EVP_UNSUPPORTED',
  'ERR_OSSL_EVP_UNKNOWN_PBE_ALGORITHM',
  'ERR_OSSL_EVP_MEMORY_LIMIT_EXCEEDED',
  'ERR_OSSL_EVP_UNSUPPORTED_PRF',
  'ERR_OSSL_EVP_UNSUPPORTED_CIPHER',
]);

/**
 * The object identifiers of ciphers that OpenSSL 3 has only in its legacy provider: PBES1 with DES, RC2 and RC4
 * (RFC 8018, appendix A.3; RFC 7292, appendix C), and DES, RC2, RC4, Blowfish, CAST5 and SEED.
 */
const LEGACY_CIPHERS = [
  ...['06092a864886f70d010501', '06092a864886f70d010503', '06092a864886f70d010504'],
  ...['06092a864886f70d010506', '06092a864886f70d01050a', '06092a864886f70d01050b'],
  ...['060a2a864886f70d010c0101', '060a2a864886f70d010c0102', '060a2a864886f70d010c0105'],
  ...['060a2a864886f70d010c0106', '06052b0e030207', '06082a864886f70d0302', '06082a864886f70d0304'],
  ...['06092b0601040197550102', '06092a864886f67d07420a', '06082a831a8c9a440104'],
];

/** The maximum length of the header before the encrypted data of a key, in bytes. */
const HEADER_BYTES = 200;

function notDecrypted(name: string, cause: unknown, der: Buffer): CredentialHelperError {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const header = der.subarray(0, HEADER_BYTES).toString('hex');
  // With a wrong passphrase, too, OpenSSL may report "unsupported": the bytes show how the key is encrypted.
  return NOT_SUPPORTED.has(code) || LEGACY_CIPHERS.some((oid) => header.includes(oid))
    ? notSupported(name, cause)
    : wrongPassphrase(name, cause);
}

function wrongPassphrase(name: string, cause: unknown): CredentialHelperError {
  return new CredentialHelperError(`the passphrase does not decrypt the private key in ${name}`, {
    code: 'ERR_PASSPHRASE_WRONG',
    cause,
    hint: 'pass the passphrase that the key was encrypted with; non-ASCII characters are encoded as UTF-8',
  });
}

function notSupported(name: string, cause: unknown, cipher?: string): CredentialHelperError {
  const isMemory = (cause as NodeJS.ErrnoException).code?.endsWith('MEMORY_LIMIT_EXCEEDED');
  const how = isMemory
    ? 'with more memory than the OpenSSL of this Node.js allows (scrypt)'
    : `in a way that the OpenSSL of this Node.js does not support${cipher === undefined ? '' : ` (${cipher})`}`;
  return new CredentialHelperError(`the private key in ${name} is encrypted ${how}`, {
    code: 'ERR_PRIVATE_KEY_INVALID',
    cause,
    hint: 're-encrypt it with an OpenSSL that supports it: openssl pkey -provider default -provider legacy -in FILE -aes256 -out key.pem',
  });
}

/** The format of DER that is not a private key. */
function kindOfDer(bytes: Buffer): Kind | undefined {
  const is = (parse: () => unknown) => {
    try {
      return parse() !== undefined;
    } catch {
      return false;
    }
  };
  if (is(() => new X509Certificate(bytes))) return CERTIFICATE;
  const isPublic = (['spki', 'pkcs1'] as const).some((type) =>
    is(() => createPublicKey({ key: bytes, format: 'der', type })),
  );
  return isPublic ? PUBLIC_KEY : undefined;
}

function unreadable(
  name: string,
  bytes: Buffer | undefined,
  cause?: unknown,
): CredentialHelperError {
  const kind = bytes === undefined ? undefined : (kindOfBytes(bytes) ?? kindOfDer(bytes));
  return new CredentialHelperError(
    `${name} ${kind?.what ?? 'is not a private key that can be read'}`,
    {
      code: 'ERR_PRIVATE_KEY_INVALID',
      cause,
      hint: kind?.hint ?? 'expected PKCS#1, SEC1 or PKCS#8, in PEM or DER format',
    },
  );
}
