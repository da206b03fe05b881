import {
  openPinSource,
  type Pin,
  type PinReader,
  type PinSource,
  readPinFile,
} from '../../identity/pin.ts';
import type { Secret } from '../../identity/secret.ts';
import { defaultStateFolder } from '../../state-folder.ts';
import { findToken } from '../../token/find.ts';
import { type Library, openLibrary, type TokenInSlot } from '../../token/library.ts';
import { openRejectedPins } from '../../token/rejected-pins.ts';
import { requireBinding } from '../../token/require-binding.ts';
import { openSession, type TokenSession } from '../../token/session.ts';
import { printLine } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { requireModule, type Target } from './options.ts';

/** What a command that uses a token is given. */
export interface Connection {
  readonly session: TokenSession;
  /** The PIN that was used. */
  readonly pin: Pin;
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
  const token = findToken(library, target.match);
  const pin = await choosePin(library, token, target);
  const session = openSession(library, token, pin, {
    write,
    ignorePinFlags: target.ignorePinFlags,
    rejectedPins: openRejectedPins(defaultStateFolder(), warn),
  });
  try {
    return await task({ session, pin });
  } finally {
    session.close();
  }
}

/**
 * Loads a PKCS#11 library into this process. It stays loaded: the process ends soon, and some libraries crash when they
 * are let go.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PKCS11_BINDING`, `ERR_PKCS11_LIBRARY`
 */
export async function loadLibrary(path: string): Promise<Library> {
  return openLibrary(await requireBinding(), path);
}

/** Reads a secret from a file, and warns where others may read it too. */
export function readSecretFile(path: string, what: 'PIN' | 'passphrase'): Secret {
  return readPinFile(path, warn, what);
}

/** Opens the place of the PIN that the options name. */
export function openPin(source: PinSource): PinReader {
  return openPinSource(source, '--uri', warn);
}

const warned = new Set<string>();

function warn(message: string): void {
  // A file is read when it is checked and when it is used.
  if (!warned.has(message)) printLine('warning', message);
  warned.add(message);
}

async function choosePin(
  { binding }: Library,
  { attributes, flags }: TokenInSlot,
  { pinSource, ignorePinFlags }: Target,
): Promise<Pin> {
  const has = (flag: number) => (flags & flag) !== 0;
  if (!has(binding.CKF_LOGIN_REQUIRED)) return undefined;
  if (has(binding.CKF_PROTECTED_AUTHENTICATION_PATH)) return null;
  // Such a token is refused when the session is opened: nobody has to type for that.
  const spent = binding.CKF_USER_PIN_LOCKED | binding.CKF_USER_PIN_FINAL_TRY;
  if (has(spent) && !ignorePinFlags) return undefined;
  if (pinSource !== undefined) return openPin(pinSource).read();
  return askSecret(
    `PIN of token "${attributes.token}": `,
    'give the PIN in a file: --pin-file FILE',
  );
}
