import type { Handle } from 'pkcs11js';
import { describeCertificate } from '../identity/certificate.ts';
import type { Pin } from '../identity/pin.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { Secret } from '../identity/secret.ts';
import { findToken, matchesToken } from './find.ts';
import { readCertificatesInToken } from './find-certificate.ts';
import { curveOf, readPublicKey } from './key-objects.ts';
import { type Library, loadBinding, openLibrary, type TokenInSlot, trim } from './library.ts';
import { findAll, readAttribute, readNumber } from './objects.ts';
import { openRejectedPins } from './rejected-pins.ts';
import { bindingMissing } from './require-binding.ts';
import { openPublicSession, openSession, type TokenSession } from './session.ts';
import { listSlots } from './slots.ts';

/** Which library to look into, and what for. It goes over the channel between processes. */
export interface InspectRequest {
  readonly library: string;
  /** What tokens must match to be looked into. */
  readonly match: Pkcs11Uri;
  /** Whether to log in to the one token that matches, to see its private objects. */
  readonly login: boolean;
  /** The user's PIN as text, where the token has no keypad. */
  readonly pin: string | undefined;
  /** See `TokenKey`. */
  readonly ignorePinFlags: boolean;
  /** See `TokenKey`. */
  readonly stateFolder: string | undefined;
}

/** What a PKCS#11 library shows. */
export interface LibraryReport {
  readonly description: string;
  readonly manufacturer: string;
  readonly version: string;
  readonly slots: readonly SlotReport[];
}

/** A slot with a token. */
interface SlotReport {
  readonly slotId: number;
  /** The token; null where it is not initialised. */
  readonly token: TokenReport | null;
}

/** An initialised token. */
export interface TokenReport {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly loginRequired: boolean;
  /** Whether the token asks for the PIN on a keypad of its own. */
  readonly keypad: boolean;
  readonly pin: 'ok' | 'wrong-pin-tried' | 'one-try-left' | 'locked' | 'not-set';
  /** Whether the private objects are among the objects. */
  readonly loggedIn: boolean;
  readonly uri: string;
  readonly objects: readonly ObjectReport[];
}

/** An object in a token. */
interface ObjectReport {
  readonly type: 'private' | 'public' | 'cert';
  readonly label: string;
  /** `CKA_ID` in hexadecimal digits. */
  readonly id: string;
  readonly uri: string;
  /** The kind of key or the subject of the certificate, as far as it is known. */
  readonly detail: string;
}

/**
 * Looks into a PKCS#11 library, in this process.
 *
 * @throws {@link CredentialHelperError} (as a rejection) for a library that does not work, and for a login that fails
 */
export async function inspectLibrary(request: InspectRequest): Promise<LibraryReport> {
  const binding = await loadBinding();
  if (binding === undefined) throw bindingMissing();
  const library = openLibrary(binding, request.library);
  const { libraryDescription, manufacturerID, libraryVersion } = library.pkcs11.C_GetInfo();
  const matching = matchingTokens(library, request);
  const narrow = Object.keys(request.match).length > 0;
  return {
    description: trim(libraryDescription),
    manufacturer: trim(manufacturerID),
    version: `${libraryVersion.major}.${libraryVersion.minor}`,
    slots: listSlots(library).flatMap(({ slotId, initialized }): SlotReport[] => {
      if (!initialized) return narrow ? [] : [{ slotId, token: null }];
      const token = matching.find(({ attributes }) => attributes.slotId === slotId);
      return token === undefined ? [] : [{ slotId, token: inspectToken(library, token, request) }];
    }),
  };
}

function matchingTokens(library: Library, { match, login }: InspectRequest) {
  // A PIN belongs to one token: with a login there must be exactly one that matches.
  if (login) return [findToken(library, match)];
  return library.tokens().filter((token) => matchesToken(token, match));
}

function inspectToken(library: Library, token: TokenInSlot, request: InspectRequest): TokenReport {
  const { binding } = library;
  const { attributes, flags } = token;
  const has = (flag: number) => (flags & flag) !== 0;
  const loginRequired = has(binding.CKF_LOGIN_REQUIRED);
  const keypad = has(binding.CKF_PROTECTED_AUTHENTICATION_PATH);
  const uri = { ...tokenAttributes(token), modulePath: library.path };
  return {
    label: attributes.token,
    serial: attributes.serial ?? '',
    manufacturer: attributes.manufacturer ?? '',
    model: attributes.model ?? '',
    loginRequired,
    keypad,
    pin: has(binding.CKF_USER_PIN_LOCKED)
      ? 'locked'
      : has(binding.CKF_USER_PIN_FINAL_TRY)
        ? 'one-try-left'
        : has(binding.CKF_USER_PIN_COUNT_LOW)
          ? 'wrong-pin-tried'
          : loginRequired && !has(binding.CKF_USER_PIN_INITIALIZED)
            ? 'not-set'
            : 'ok',
    loggedIn: request.login || !loginRequired,
    uri: formatPkcs11Uri(uri),
    objects: inspectObjects(library, token, uri, request, keypad),
  };
}

function tokenAttributes({ attributes: { token, serial } }: TokenInSlot): Pkcs11Uri {
  return { token, ...(serial ? { serial } : {}) };
}

function inspectObjects(
  library: Library,
  token: TokenInSlot,
  uri: Pkcs11Uri,
  request: InspectRequest,
  keypad: boolean,
): readonly ObjectReport[] {
  const { binding } = library;
  const session = request.login
    ? openSession(library, token, pinOf(request, keypad), {
        ignorePinFlags: request.ignorePinFlags,
        rejectedPins: openRejectedPins(request.stateFolder, () => {}),
      })
    : openPublicSession(library, token);
  try {
    return [
      ...inspectKeys(session, uri, 'private', binding.CKO_PRIVATE_KEY),
      ...inspectKeys(session, uri, 'public', binding.CKO_PUBLIC_KEY),
      ...readCertificatesInToken(session).map(({ label, id, certificate }) =>
        objectReport(uri, 'cert', label, id, describeCertificate(certificate)),
      ),
    ];
  } finally {
    session.close();
  }
}

function pinOf({ pin }: InspectRequest, keypad: boolean): Pin {
  return keypad ? null : pin === undefined ? undefined : new Secret(pin);
}

function inspectKeys(
  session: TokenSession,
  uri: Pkcs11Uri,
  type: 'private' | 'public',
  objectClass: number,
): readonly ObjectReport[] {
  const { binding } = session.library;
  return findAll(session, [{ type: binding.CKA_CLASS, value: objectClass }]).map((handle) => {
    const read = (attribute: number) =>
      readAttribute(session, handle, attribute) ?? Buffer.alloc(0);
    const label = read(binding.CKA_LABEL).toString();
    return objectReport(uri, type, label, read(binding.CKA_ID), keyDetail(session, handle));
  });
}

function keyDetail(session: TokenSession, handle: Handle): string {
  const { binding } = session.library;
  const keyType = readNumber(session, handle, binding.CKA_KEY_TYPE);
  try {
    const key = readPublicKey(session, handle);
    const curve = key && curveOf(key);
    if (curve !== undefined) return `EC ${curve.name}`;
    if (key?.asymmetricKeyDetails?.modulusLength !== undefined) {
      return `RSA ${key.asymmetricKeyDetails.modulusLength}`;
    }
  } catch {
    // A key of a kind that AWS IoT does not take.
  }
  return keyType === binding.CKK_RSA ? 'RSA' : keyType === binding.CKK_EC ? 'EC' : '';
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
