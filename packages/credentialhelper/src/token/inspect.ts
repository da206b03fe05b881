import { describeCertificate } from '../identity/certificate.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { Secret } from '../identity/secret.ts';
import type { TokenKey } from '../identity/token-key.ts';
import { CKO } from '../pkcs11/constants.ts';
import { Pkcs11 } from '../pkcs11/pkcs11.ts';
import { readCertificatesInToken } from './find-certificate.ts';
import { kindInToken } from './find-key.ts';
import { findAll, type OBJECT_TYPES, readName, readNumber } from './objects.ts';
import { openPublicSession, openSession, type TokenSession } from './session.ts';
import { SIGN_MECHANISMS, type SignMechanism } from './sign.ts';
import {
  findToken,
  hasFlag,
  listSlots,
  matchesToken,
  type TokenSlot,
  tokenUriAttributes,
} from './slots.ts';

/** The library to inspect, and what to show. Sent over the IPC channel. */
export interface InspectRequest extends Omit<TokenKey, 'pin'> {
  /** Whether to log in to the one matching token, to list its private objects. */
  readonly login: boolean;
  /** The user PIN as text, if the token has no PIN pad. */
  readonly pin: string | undefined;
  /** How long to wait while other processes log in, in milliseconds. */
  readonly waitMs: number;
}

/** The slots, tokens and objects of a PKCS#11 library. */
export interface LibraryReport {
  readonly description: string;
  readonly manufacturer: string;
  readonly version: string;
  readonly slots: readonly SlotReport[];
}

/** A slot with a token. */
interface SlotReport {
  readonly slotId: number;
  /** The token; null if it is not initialized or cannot be read. */
  readonly token: TokenReport | null;
  /** Why the token or its objects cannot be read. */
  readonly problem: string | null;
}

/** An initialized token. */
export interface TokenReport {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly loginRequired: boolean;
  /** Whether the token asks for the PIN on its own PIN pad. */
  readonly pinPad: boolean;
  readonly pin: 'ok' | 'wrong-pin-tried' | 'one-try-left' | 'locked' | 'not-set';
  /** Whether the private objects are included. */
  readonly loggedIn: boolean;
  /** Those by which the token can sign for TLS. */
  readonly mechanisms: readonly SignMechanism[];
  readonly uri: string;
  readonly objects: readonly ObjectReport[];
}

/** An object in a token. */
interface ObjectReport {
  readonly type: keyof typeof OBJECT_TYPES;
  readonly label: string;
  /** `CKA_ID` in hexadecimal digits. */
  readonly id: string;
  readonly uri: string;
  /** The type of the key or the subject of the certificate. */
  readonly detail: string;
}

/**
 * Inspects a PKCS#11 library, in this process.
 *
 * @throws {@link CredentialHelperError} (as a rejection) for a defective library and a failed login
 */
export async function inspectLibrary(request: InspectRequest): Promise<LibraryReport> {
  const pkcs11 = await Pkcs11.open(request);
  const { match, login } = request;
  // A PIN belongs to one token: for a login exactly one must match.
  const chosen = login ? findToken(pkcs11, match) : undefined;
  const { tokens, failed } = listSlots(pkcs11);
  const narrow = Object.keys(match).length > 0;
  const slots: SlotReport[] = failed.map(({ slotId, problem }) => ({
    slotId,
    token: null,
    problem,
  }));
  for (const token of tokens) {
    const { slotId } = token.attributes;
    if (!token.initialized) {
      if (!narrow) slots.push({ slotId, token: null, problem: null });
    } else if (chosen === undefined ? matchesToken(token, match) : chosen.slot === token.slot) {
      slots.push(await inspectToken(pkcs11, token, request));
    }
  }
  return { ...pkcs11.getInfo(), slots };
}

async function inspectToken(
  pkcs11: Pkcs11,
  token: TokenSlot,
  request: InspectRequest,
): Promise<SlotReport> {
  const { attributes } = token;
  const loginRequired = hasFlag(token, 'LOGIN_REQUIRED');
  const uri = { ...tokenUriAttributes(token), modulePath: pkcs11.path };
  let objects: readonly ObjectReport[] = [];
  let mechanisms: readonly SignMechanism[] = [];
  let problem: string | null = null;
  try {
    mechanisms = SIGN_MECHANISMS.filter((name) => pkcs11.hasMechanism(token.slot, name));
    objects = await inspectObjects(pkcs11, token, uri, request);
  } catch (error) {
    // One failing token must not hide others; but a named one must not fail silently.
    if (request.login) throw error;
    problem = (error as Error).message;
  }
  const report = {
    label: attributes.token,
    serial: attributes.serial ?? '',
    manufacturer: attributes.manufacturer ?? '',
    model: attributes.model ?? '',
    loginRequired,
    pinPad: hasFlag(token, 'PROTECTED_AUTHENTICATION_PATH'),
    pin: pinState(token),
    loggedIn: request.login || !loginRequired,
    mechanisms,
    uri: formatPkcs11Uri(uri),
    objects,
  };
  return { slotId: attributes.slotId, token: report, problem };
}

function pinState(token: TokenSlot): TokenReport['pin'] {
  if (hasFlag(token, 'USER_PIN_LOCKED')) return 'locked';
  if (hasFlag(token, 'USER_PIN_FINAL_TRY')) return 'one-try-left';
  if (hasFlag(token, 'USER_PIN_COUNT_LOW')) return 'wrong-pin-tried';
  if (hasFlag(token, 'LOGIN_REQUIRED') && !hasFlag(token, 'USER_PIN_INITIALIZED')) return 'not-set';
  return 'ok';
}

async function inspectObjects(
  pkcs11: Pkcs11,
  token: TokenSlot,
  uri: Pkcs11Uri,
  request: InspectRequest,
): Promise<readonly ObjectReport[]> {
  const pinPad = hasFlag(token, 'PROTECTED_AUTHENTICATION_PATH');
  const pin = request.pin === undefined ? undefined : new Secret(request.pin);
  const session = request.login
    ? await openSession(pkcs11, token, { ...request, pin: pinPad ? null : pin, warn: () => {} })
    : openPublicSession(pkcs11, token);
  try {
    return [
      ...inspectKeys(session, uri, 'private', CKO.PRIVATE_KEY),
      ...inspectKeys(session, uri, 'public', CKO.PUBLIC_KEY),
      ...readCertificatesInToken(session).map(({ label, id, certificate }) =>
        objectReport(uri, 'cert', label, id, describeCertificate(certificate)),
      ),
    ];
  } finally {
    session.close();
  }
}

function inspectKeys(
  session: TokenSession,
  uri: Pkcs11Uri,
  type: 'private' | 'public',
  objectClass: number,
): readonly ObjectReport[] {
  return findAll(session, { CKA_CLASS: objectClass }).map((handle) => {
    const { label, id } = readName(session, handle);
    const kind = kindInToken(session, handle, readNumber(session, handle, 'CKA_KEY_TYPE'));
    return objectReport(uri, type, label.toString(), id, kind.name);
  });
}

function objectReport(
  token: Pkcs11Uri,
  type: ObjectReport['type'],
  label: string,
  id: Buffer,
  detail: string,
): ObjectReport {
  return {
    type,
    label,
    id: id.toString('hex'),
    uri: formatPkcs11Uri({
      ...token,
      ...(label === '' ? {} : { object: label }),
      ...(id.length === 0 ? {} : { id }),
      type,
    }),
    detail,
  };
}
