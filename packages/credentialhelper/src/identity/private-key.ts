import { createPrivateKey, KeyObject, type PrivateKeyInput } from 'node:crypto';
import { CredentialHelperError } from '../errors.ts';
import { readSource, type Source } from './read-source.ts';
import type { Secret } from './secret.ts';

const PEM_PRIVATE_KEY =
  /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/;

/**
 * Reads a private key: PKCS#1, SEC1, PKCS#8 or encrypted PKCS#8, as PEM or DER; also PEM encrypted the old way
 * (`Proc-Type: 4,ENCRYPTED`). Other PEM blocks in the same text, such as EC parameters, are passed over.
 *
 * @throws {@link CredentialHelperError} `ERR_FILE_UNREADABLE`, `ERR_PRIVATE_KEY_INVALID`, `ERR_PASSPHRASE_REQUIRED`,
 * `ERR_PASSPHRASE_WRONG`
 */
export function readPrivateKey(source: Source | KeyObject, passphrase?: Secret): KeyObject {
  if (source instanceof KeyObject) return checkKind(source, 'the KeyObject given as "privateKey"');
  const { bytes, name } = readSource(source, 'privateKey');
  const text = bytes.toString('latin1');
  const key = text.includes('-----BEGIN ')
    ? parsePem(text, name, passphrase)
    : parseDer(bytes, name, passphrase);
  return checkKind(key, name);
}

function parsePem(text: string, name: string, passphrase: Secret | undefined): KeyObject {
  const pem = PEM_PRIVATE_KEY.exec(text)?.[0];
  if (pem === undefined) {
    throw new CredentialHelperError(`${name} holds no private key`, {
      code: 'ERR_PRIVATE_KEY_INVALID',
      hint: text.includes('CERTIFICATE-----')
        ? 'it holds a certificate: are certificate and key swapped?'
        : 'a private key in PEM form begins with a line such as -----BEGIN PRIVATE KEY-----',
    });
  }
  const encrypted = pem.includes('ENCRYPTED');
  if (encrypted && passphrase === undefined) throw passphraseRequired(name);
  try {
    return createPrivateKey(withPassphrase({ key: pem, format: 'pem' }, passphrase));
  } catch (cause) {
    throw encrypted ? passphraseWrong(name, cause) : unreadable(name, cause);
  }
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
    throw unreadable(name, causes.at(-1));
  }
  if (passphrase === undefined) throw passphraseRequired(name);
  try {
    return createPrivateKey(
      withPassphrase({ key: bytes, format: 'der', type: 'pkcs8' }, passphrase),
    );
  } catch (cause) {
    // A wrong passphrase may by chance decrypt to something that only then cannot be read.
    throw passphraseWrong(name, cause);
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
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') {
    throw new CredentialHelperError(`${name} is a key of type ${key.asymmetricKeyType}`, {
      code: 'ERR_PRIVATE_KEY_INVALID',
      hint: 'AWS IoT takes RSA and EC keys',
    });
  }
  return key;
}

function passphraseRequired(name: string): CredentialHelperError {
  return new CredentialHelperError(`the private key in ${name} is encrypted`, {
    code: 'ERR_PASSPHRASE_REQUIRED',
    hint: 'pass its passphrase as "passphrase"',
  });
}

function passphraseWrong(name: string, cause: unknown): CredentialHelperError {
  return new CredentialHelperError(`the passphrase does not decrypt the private key in ${name}`, {
    code: 'ERR_PASSPHRASE_WRONG',
    cause,
  });
}

function unreadable(name: string, cause: unknown): CredentialHelperError {
  return new CredentialHelperError(`${name} is not a private key that can be read`, {
    code: 'ERR_PRIVATE_KEY_INVALID',
    cause,
    hint: 'expected PKCS#1, SEC1 or PKCS#8, in PEM or DER form',
  });
}
