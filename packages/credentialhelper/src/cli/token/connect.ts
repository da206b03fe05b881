import { openPinSource, type Pin, type PinReader, type PinSource } from '../../identity/pin.ts';
import type { Secret } from '../../identity/secret.ts';
import { SecretFile } from '../../identity/secret-file.ts';
import { defaultStateFolder } from '../../pins/folders.ts';
import { Pkcs11 } from '../../pkcs11/pkcs11.ts';
import { openPatiently, patiently } from '../../token/patience.ts';
import { type Login, openSession, type TokenSession } from '../../token/session.ts';
import { hasFlag, type TokenSlot } from '../../token/slots.ts';
import { printLine } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { loadsLibrary } from '../worker.ts';
import { pipeLimitMs, requireModule, type Target } from './options.ts';

/**
 * Opens a session with the token that the options name, logs in, and runs a task with it.
 *
 * @param access - whether the task creates or deletes objects
 * @throws {@link CredentialHelperError} (as a rejection) for errors of library, token or PIN
 */
export async function withToken<T>(
  target: Target,
  access: 'read' | 'write',
  task: (session: TokenSession) => T | Promise<T>,
): Promise<T> {
  const { timeoutMs } = target;
  loadsLibrary();
  const pkcs11 = await patiently(timeoutMs, () => Pkcs11.open(requireModule(target)));
  let pin: Promise<Pin> | undefined;
  const session = await openPatiently(pkcs11, target.match, timeoutMs, async (token) => {
    // It may have to be typed: once.
    pin ??= choosePin(token, target);
    return openSession(pkcs11, token, { ...loginOf(target), pin: await pin }, access);
  });
  try {
    return await task(session);
  } finally {
    session.close();
  }
}

/** How a command logs in, except for the PIN. */
export function loginOf({
  ignorePinFlags,
  libraryParameters,
  timeoutMs,
}: Pick<Target, 'ignorePinFlags' | 'libraryParameters' | 'timeoutMs'>): Omit<Login, 'pin'> {
  const stateFolder = defaultStateFolder();
  return { ignorePinFlags, libraryParameters, stateFolder, waitMs: timeoutMs, warn };
}

/**
 * Reads a secret from a file or pipe, and warns if other users can read it.
 *
 * @param timeoutMs - timeout of the command, in milliseconds
 */
export function readSecretFile(
  path: string,
  what: 'PIN' | 'passphrase',
  timeoutMs: number,
): Promise<Secret> {
  const file = new SecretFile(path, `the ${what} file "${path}"`, warn);
  return file.read(pipeLimitMs(timeoutMs));
}

/** Opens the source of the PIN that the options name. */
export function openPin(source: PinSource): PinReader {
  return openPinSource(source, '--uri', warn);
}

const warned = new Set<string>();

/** Prints a warning, once. */
export function warn(message: string): void {
  // A file is read when it is validated and when it is used.
  if (!warned.has(message)) printLine('warning', message);
  warned.add(message);
}

/** The PIN for a token, from the source in the options, else from a prompt; null for a token with a PIN pad. */
export async function choosePin(
  token: TokenSlot,
  { pinSource, ignorePinFlags, timeoutMs }: Target,
): Promise<Pin> {
  if (!hasFlag(token, 'LOGIN_REQUIRED')) return undefined;
  if (hasFlag(token, 'PROTECTED_AUTHENTICATION_PATH')) return null;
  // Such a token is rejected when the session is opened: no prompt is needed.
  const spent = hasFlag(token, 'USER_PIN_LOCKED') || hasFlag(token, 'USER_PIN_FINAL_TRY');
  if (spent && !ignorePinFlags) return undefined;
  if (pinSource !== undefined) return openPin(pinSource).read(pipeLimitMs(timeoutMs));
  return askSecret(
    `PIN of token "${token.attributes.token}": `,
    'pass the PIN in a file: --pin-file FILE',
  );
}
