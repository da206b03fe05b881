import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openssl } from './openssl.ts';
import { pkcs11Tool } from './pkcs11-tool.ts';
import { plantKey, plantSecret } from './secrets.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from './softhsm.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The security officer's PIN of the tokens that {@link startSoftHsm} makes. */
export const SO_PIN = '12345678';

/** The kinds of objects in a token that holds a key pair and nothing else. */
export const KEY_PAIR: readonly string[] = ['Private Key', 'Public Key'];

/** Names the library and a token, and gives its PIN. */
export type TokenFlags = readonly string[];

/** A token for a test file, its PIN in a file, and a second opinion on what is in it. */
export interface TestToken {
  readonly folder: string;
  readonly pinFile: string;
  readonly soPinFile: string;
  /** The options for a token; it is made where it is not there. */
  flags(label: string): TokenFlags;
  /** What `pkcs11-tool` says of the objects of a token, private ones too. */
  objects(label: string): string;
  /** The kinds of objects that it sees in a token, such as `Private Key`, in the order of the alphabet. */
  kinds(label: string): readonly string[];
  /** An object as `pkcs11-tool` reads it out. */
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
        // pkcs11-tool takes the first token whose label begins with the one that it is given.
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

/** The forms that a key file can have. */
export const KEY_FORMS = {
  'PKCS#8 PEM': ['pkcs8', '-topk8', '-nocrypt'],
  'PKCS#8 DER': ['pkcs8', '-topk8', '-nocrypt', '-outform', 'DER'],
  'encrypted PKCS#8 PEM': ['pkcs8', '-topk8'],
  'encrypted PKCS#8 DER': ['pkcs8', '-topk8', '-outform', 'DER'],
  'PKCS#1 or SEC1 PEM': ['pkey', '-traditional'],
  'PKCS#1 or SEC1 DER': ['pkey', '-traditional', '-outform', 'DER'],
  'PKCS#1 or SEC1 PEM, encrypted the old way': ['pkey', '-traditional', '-aes128'],
} as const;

/** Whether a form of key files has a passphrase. */
export function isEncrypted(form: keyof typeof KEY_FORMS): boolean {
  return form.includes('encrypted');
}

/** Writes a key in another form, and gives the path. */
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

/** Makes a folder below another, and gives its path. */
export function makeFolder(...parts: readonly [string, ...string[]]): string {
  const folder = join(...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}
