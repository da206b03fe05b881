import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openssl } from './openssl.ts';
import { pkcs11Tool } from './pkcs11-tool.ts';
import { plantKey, plantSecret } from './secrets.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from './softhsm.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The SO PIN of the tokens of {@link startSoftHsm}. */
export const SO_PIN = '12345678';

/** The types of objects in a token that holds only a key pair. */
export const KEY_PAIR: readonly string[] = ['Private Key', 'Public Key'];

/** The options for the library, the token and its PIN. */
export type TokenFlags = readonly string[];

/** A token for a test file, its PIN in a file, and a second opinion on its objects. */
export interface TestToken {
  readonly folder: string;
  readonly pinFile: string;
  readonly soPinFile: string;
  /** The options for a token, which is created if it does not exist. */
  flags(label: string): TokenFlags;
  /** The objects of a token, including private ones, according to `pkcs11-tool`. */
  objects(label: string): string;
  /** The types of its objects, such as `Private Key`, sorted. */
  kinds(label: string): readonly string[];
  /** An object as exported by `pkcs11-tool`. */
  read(label: string, type: 'pubkey' | 'cert', id: string): Buffer;
  /** Writes a file that holds a secret. */
  secretFile(name: string, text: string): string;
}

/** Sets up SoftHSM for this test file. */
export function startTokens(): TestToken {
  const folder = temporaryFolder();
  const softHsm = startSoftHsm();
  const made = new Set<string>();
  const secretFile = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, `${plantSecret(text)}\n`, { mode: 0o600 });
    return file;
  };
  const pinFile = secretFile('pin', PIN);
  const soPinFile = secretFile('so-pin', SO_PIN);
  const objects = (label: string) => pkcs11Tool(label, '--list-objects').toString();
  return {
    folder,
    pinFile,
    soPinFile,
    secretFile,
    flags(label) {
      if (!made.has(label)) {
        // pkcs11-tool uses the first token whose label begins with the specified one.
        const like = [...made].find((other) => other.startsWith(label) || label.startsWith(other));
        if (like !== undefined) throw new Error(`"${label}" and "${like}" begin alike`);
        softHsm.initToken(label);
      }
      made.add(label);
      return ['--module', SOFTHSM_LIBRARY, '--token-label', label, '--pin-file', pinFile];
    },
    objects,
    kinds: (label) =>
      Array.from(objects(label).matchAll(/^(.*) Object;/gm), ([, kind = '']) => kind).sort(),
    read: (label, type, id) => pkcs11Tool(label, '--read-object', '--type', type, '--id', id),
  };
}

/** The formats of a key file. */
export const KEY_FORMS = {
  'PKCS#8 PEM': ['pkcs8', '-topk8', '-nocrypt'],
  'PKCS#8 DER': ['pkcs8', '-topk8', '-nocrypt', '-outform', 'DER'],
  'encrypted PKCS#8 PEM': ['pkcs8', '-topk8'],
  'encrypted PKCS#8 DER': ['pkcs8', '-topk8', '-outform', 'DER'],
  'PKCS#1 or SEC1 PEM': ['pkey', '-traditional'],
  'PKCS#1 or SEC1 DER': ['pkey', '-traditional', '-outform', 'DER'],
  'PKCS#1 or SEC1 PEM, encrypted the old way': ['pkey', '-traditional', '-aes128'],
} as const;

/** Whether a format of key files has a passphrase. */
export function isEncrypted(form: keyof typeof KEY_FORMS): boolean {
  return form.includes('encrypted');
}

/** Writes a key in another format, and returns the path. */
export function convertKey(
  keyFile: string,
  form: keyof typeof KEY_FORMS,
  passphraseFile: string,
): string {
  const target = `${keyFile}.${form.replaceAll(/[^A-Za-z0-9]/g, '-')}`;
  const [command, ...args] = KEY_FORMS[form];
  const passphrase = isEncrypted(form) ? ['-passout', `file:${passphraseFile}`] : [];
  plantKey(readFileSync(keyFile, 'utf8'));
  openssl(command, '-in', keyFile, '-out', target, ...args, ...passphrase);
  return target;
}

/** Creates a subfolder, and returns its path. */
export function makeFolder(...parts: readonly [string, ...string[]]): string {
  const folder = join(...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}
