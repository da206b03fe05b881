import { createPrivateKey, type KeyObject, type PrivateKeyInput } from 'node:crypto';
import { types } from 'node:util';
import { CredentialHelperError } from '../errors.ts';
import { KEY_KIND_HINT, keyKind } from './key-kind.ts';
import { kindOfBytes } from './kinds.ts';
import { isPem, pemBlocks } from './pem.ts';
import { readSource, type Source } from './read-source.ts';
import type { Secret } from './secret.ts';
import { type Warn, warnOfAccess } from './secret-file.ts';

/** What messages call a key that is given as a `KeyObject`. */
const KEY_OBJECT = 'the KeyObject given as "privateKey"';

const PEM_PRIVATE_KEY = /^(RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY$/;

/** How a private key is read. */
interface KeyReading {
  /** The name of the option it came from, for messages. Default `privateKey`. */
  readonly option?: string;
  /** Told of a file that others can read. Default: nobody. */
  readonly warn?: Warn;
}

/**
 * Reads a private key: PKCS#1, SEC1, PKCS#8 or encrypted PKCS#8, as PEM or DER; also PEM encrypted the old way
 * (`Proc-Type: 4,ENCRYPTED`). Other PEM blocks in the same text, such as EC parameters, are passed over.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_PRIVATE_KEY_INVALID`, `ERR_PASSPHRASE_REQUIRED`,
 * `ERR_PASSPHRASE_WRONG`
 */
export function readPrivateKey(
  source: Source | KeyObject,
  passphrase?: Secret,
  { option = 'privateKey', warn = () => {} }: KeyReading = {},
): KeyObject {
  if (types.isKeyObject(source)) return checkKind(source, KEY_OBJECT);
  const { bytes, name } = readSource(source, option, (stats, what) =>
    warnOfAccess(stats, `the private key in ${what}`, warn),
  );
  const text = bytes.toString('latin1');
  const key = isPem(text) ? parsePem(text, name, passphrase) : parseDer(bytes, name, passphrase);
  return checkKind(key, name);
}

/**
 * The private keys that follow the first in the same PEM text, in their order; undefined stands for one that cannot be
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

/** Whether the label of a PEM block is that of a private key which is read here. */
export function isPrivateKeyLabel(label: string): boolean {
  return PEM_PRIVATE_KEY.test(label);
}

function parsePem(text: string, name: string, passphrase: Secret | undefined): KeyObject {
  const pem = pemBlocks(text).find(({ label }) => PEM_PRIVATE_KEY.test(label))?.pem;
  if (pem === undefined) throw unreadable(name, Buffer.from(text, 'latin1'));
  const encrypted = pem.includes('ENCRYPTED');
  if (encrypted && passphrase === undefined) throw passphraseRequired(name);
  try {
    return createPrivateKey(withPassphrase({ key: pem, format: 'pem' }, passphrase));
  } catch (cause) {
    throw encrypted ? notDecrypted(name, cause, cipherOf(pem)) : unreadable(name, undefined, cause);
  }
}

/** The cipher that a key which is encrypted the old way names (RFC 1421, `DEK-Info`). */
function cipherOf(pem: string): string | undefined {
  return /^DEK-Info: *([A-Z0-9-]+)/m.exec(pem)?.[1];
}

// DER has no label: the kinds are tried in turn.
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
    // A wrong passphrase may by chance decrypt to something that only then cannot be read.
    throw notDecrypted(name, cause, undefined);
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
      `the private key in ${name} is ${kind.name}, which AWS IoT does not take`,
      { code: 'ERR_PRIVATE_KEY_INVALID', hint: KEY_KIND_HINT },
    );
  }
  return key;
}

function passphraseRequired(name: string): CredentialHelperError {
  return new CredentialHelperError(`the private key in ${name} is encrypted`, {
    code: 'ERR_PASSPHRASE_REQUIRED',
    hint: 'pass its passphrase as "passphrase"',
  });
}

/** What OpenSSL says where it lacks the cipher or digest that a key is encrypted with, or refuses its memory. */
const NOT_SUPPORTED: ReadonlySet<string> = new Set([
  'ERR_OSSL_EVP_UNSUPPORTED',
  'ERR_OSSL_UNSUPPORTED',
  'ERR_OSSL_PEM_UNSUPPORTED_ENCRYPTION',
  'ERR_OSSL_EVP_UNKNOWN_PBE_ALGORITHM',
  'ERR_OSSL_EVP_MEMORY_LIMIT_EXCEEDED',
  'ERR_OSSL_EVP_UNSUPPORTED_PRF',
  'ERR_OSSL_EVP_UNSUPPORTED_CIPHER',
]);

function notDecrypted(name: string, cause: unknown, cipher: string | undefined) {
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (!NOT_SUPPORTED.has(code)) {
    return new CredentialHelperError(`the passphrase does not decrypt the private key in ${name}`, {
      code: 'ERR_PASSPHRASE_WRONG',
      cause,
    });
  }
  const how = code.endsWith('MEMORY_LIMIT_EXCEEDED')
    ? 'with more memory than the OpenSSL of this Node.js allows (scrypt)'
    : `in a way that the OpenSSL of this Node.js does not have${cipher === undefined ? '' : ` (${cipher})`}`;
  return new CredentialHelperError(`the private key in ${name} is encrypted ${how}`, {
    code: 'ERR_PRIVATE_KEY_INVALID',
    cause,
    hint: 'encrypt it anew where OpenSSL has that: openssl pkey -provider default -provider legacy -in FILE -aes256 -out key.pem',
  });
}

function unreadable(
  name: string,
  bytes: Buffer | undefined,
  cause?: unknown,
): CredentialHelperError {
  const kind = bytes === undefined ? undefined : kindOfBytes(bytes);
  return new CredentialHelperError(
    `${name} ${kind?.what ?? 'is not a private key that can be read'}`,
    {
      code: 'ERR_PRIVATE_KEY_INVALID',
      cause,
      hint: kind?.hint ?? 'expected PKCS#1, SEC1 or PKCS#8, in PEM or DER form',
    },
  );
}
