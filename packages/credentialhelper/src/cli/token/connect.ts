import { statSync } from 'node:fs';
import { CredentialHelperError } from '../../errors.ts';
import { permissionProblem, readPinFile } from '../../identity/pin.ts';
import type { Secret } from '../../identity/secret.ts';
import { findToken, openSession, type TokenSession } from '../../token/find.ts';
import { type Library, openLibrary, type TokenInSlot } from '../../token/library.ts';
import { withPinLatch } from '../../token/pin-latch.ts';
import { requireBinding } from '../../token/require-binding.ts';
import { printLine } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { requireModule, type Target } from './options.ts';

/** What a command that uses a token is given. */
export interface Connection {
  readonly session: TokenSession;
  /** The PIN that was used; null for a token with a keypad, undefined for one that wants no login. */
  readonly pin: Secret | null | undefined;
}

/**
 * Opens a session with the token that the options name, logs in, and runs a task with it.
 *
 * @param write - whether the task makes objects
 * @throws {@link CredentialHelperError} (as a rejection) for what is wrong with library, token or PIN
 */
export async function withToken<T>(
  target: Target,
  { write }: { readonly write: boolean },
  task: (connection: Connection) => T | Promise<T>,
): Promise<T> {
  const library = await loadLibrary(requireModule(target));
  try {
    const token = findToken(library, target.match);
    const pin = await choosePin(library, token, target.pinFile);
    const { token: label, serial } = token.attributes;
    const match = { token: label, ...(serial ? { serial } : {}) };
    const session = await withPinLatch({ library: library.path, pin, match }, async () =>
      openSession(library, token, pin, { write }),
    );
    try {
      return await task({ session, pin });
    } finally {
      session.close();
    }
  } finally {
    library.close();
  }
}

/**
 * Loads a PKCS#11 library into this process.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PKCS11_BINDING`, `ERR_PKCS11_LIBRARY`
 */
export async function loadLibrary(path: string): Promise<Library> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    throw new CredentialHelperError(
      `the PKCS#11 library ${path} ${stats === undefined ? 'does not exist' : 'is not a file'}`,
      { code: 'ERR_PKCS11_LIBRARY', hint: '"token list" shows the libraries of this system' },
    );
  }
  return openLibrary(await requireBinding(), path);
}

/** Reads a PIN from a file, and warns where others may read it too. */
export function pinFromFile(path: string, option = '--pin-file'): Secret {
  const pin = readPinFile(path, option);
  const problem = permissionProblem(path);
  if (problem !== undefined) printLine('warning', problem);
  return pin;
}

async function choosePin(
  { binding }: Library,
  { attributes, flags }: TokenInSlot,
  pinFile: string | undefined,
): Promise<Secret | null | undefined> {
  const has = (flag: number) => (flags & flag) !== 0;
  if (!has(binding.CKF_LOGIN_REQUIRED)) return undefined;
  if (has(binding.CKF_PROTECTED_AUTHENTICATION_PATH)) return null;
  // Such a token is refused when the session is opened: nobody has to type for that.
  if (has(binding.CKF_USER_PIN_LOCKED | binding.CKF_USER_PIN_FINAL_TRY)) return undefined;
  if (pinFile !== undefined) return pinFromFile(pinFile);
  return askSecret(
    `PIN of token "${attributes.token}": `,
    'give the PIN in a file: --pin-file FILE',
  );
}
