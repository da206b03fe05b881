import { basename } from 'node:path';
import { optionName } from '../option-names.ts';

const NSS = /softokn/i;

/** Common causes if a library does not initialize or shows no tokens, by a part of its path. */
const HINTS: readonly (readonly [part: RegExp, hint: () => string])[] = [
  [
    /softhsm/i,
    () =>
      'SoftHSM: may this user read and write the folder that directories.tokendir names in its configuration? SOFTHSM2_CONF names the file; else it is ~/.config/softhsm2/softhsm2.conf or /etc/softhsm/softhsm2.conf',
  ],
  [
    /opencryptoki/i,
    () => 'opencryptoki: is its daemon running (pkcsslotd), and is this user in the group pkcs11?',
  ],
  [
    NSS,
    () =>
      `NSS: name its database with ${optionName('libraryParameters')}, such as configdir='sql:DIR'`,
  ],
  [/opensc/i, () => 'OpenSC: is the reader connected, a card in it, and the daemon pcscd running?'],
  [
    /tpm2/i,
    () =>
      'tpm2-pkcs11: may this user use the TPM (group tss), and does TPM2_PKCS11_STORE name its folder?',
  ],
];

/** What to check if a library does not work; undefined for an unknown library. */
export function libraryHint(path: string): string | undefined {
  return HINTS.find(([part]) => part.test(path))?.[1]();
}

/** Whether this is NSS, which without a database crashes, or shows an empty read-only token. */
export function needsDatabase(path: string): boolean {
  return NSS.test(basename(path));
}

/** Whether parameters for NSS name a database: a value, with or without quotes or brackets. */
export function namesDatabase(parameters: string | undefined): boolean {
  return /configdir=[^\w./]?[\w./]/.test(parameters ?? '');
}
