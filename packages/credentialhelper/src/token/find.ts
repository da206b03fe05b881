import type { Handle } from 'pkcs11js';
import { CredentialHelperError, isPinRejection } from '../errors.ts';
import type { Pin } from '../identity/pin.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Secret } from '../identity/secret.ts';
import type { Library, TokenInSlot } from './library.ts';
import { findObjects, readAttributes } from './objects.ts';
import { type CallContext, pkcs11Error, returnValueName, withContext } from './pkcs11-error.ts';
import type { RejectedPins } from './rejected-pins.ts';

/** A session with a token, logged in where the token wants that. */
export interface TokenSession {
  readonly library: Library;
  readonly token: TokenInSlot;
  readonly session: Handle;
  readonly context: CallContext;
  /** Closes the session. The login ends with the last session of the process. */
  close(): void;
}

/** A private key in a token. */
export interface PrivateKeyInToken {
  readonly handle: Handle;
  /** Whether it is an RSA key; else it is an EC key. */
  readonly isRsa: boolean;
  /** What names this key and no other. */
  readonly attributes: Pkcs11Uri;
}

type TokenAttribute = keyof TokenInSlot['attributes'] & keyof Pkcs11Uri;

const TOKEN_ATTRIBUTES = [
  'token',
  'manufacturer',
  'serial',
  'model',
  'libraryManufacturer',
  'libraryDescription',
  'libraryVersion',
  'slotManufacturer',
  'slotDescription',
  'slotId',
] as const satisfies readonly TokenAttribute[];

/**
 * Finds the one token that matches.
 *
 * @throws {@link CredentialHelperError} `ERR_TOKEN_NOT_FOUND` or `ERR_TOKEN_AMBIGUOUS`; both list what is there
 */
export function findToken(library: Library, match: Pkcs11Uri): TokenInSlot {
  const tokens = library.tokens();
  const matching = tokens.filter((candidate) => matchesToken(candidate, match));
  const [token] = matching;
  if (matching.length === 1 && token !== undefined) return token;
  const wanted = TOKEN_ATTRIBUTES.filter((name) => match[name] !== undefined);
  const searched =
    wanted.length === 0
      ? 'no token was named'
      : `searched: ${formatPkcs11Uri(Object.fromEntries(wanted.map((name) => [name, match[name]])))}`;
  if (matching.length > 1) {
    throw new CredentialHelperError(
      `${matching.length} tokens match in library ${library.path} (${searched}): ${list(matching.map((one) => tokenUri(library, one)))}`,
      { code: 'ERR_TOKEN_AMBIGUOUS', hint: 'name one by its label or slot id' },
    );
  }
  throw new CredentialHelperError(
    tokens.length === 0
      ? `library ${library.path} shows no initialised token`
      : `no token matches in library ${library.path} (${searched}); there: ${list(tokens.map((one) => tokenUri(library, one)))}`,
    {
      code: 'ERR_TOKEN_NOT_FOUND',
      hint:
        tokens.length === 0
          ? 'is the token there, and does the library find its configuration (SoftHSM reads SOFTHSM2_CONF)?'
          : 'check label and slot id; a slot’s id is not its place in the list, and may change',
    },
  );
}

/** Whether a token has all attributes that a URI names of token, slot and library. */
export function matchesToken({ attributes }: TokenInSlot, match: Pkcs11Uri): boolean {
  return TOKEN_ATTRIBUTES.every(
    (name) => match[name] === undefined || attributes[name] === match[name],
  );
}

/** The URI of a token by label, serial number and slot: what tells it apart from others, ready to be used. */
function tokenUri(library: Library, { attributes }: TokenInSlot): string {
  const { token, serial, slotId } = attributes;
  return formatPkcs11Uri({
    token,
    slotId,
    ...(serial ? { serial } : {}),
    modulePath: library.path,
  });
}

/** How careful a login is. */
export interface LoginOptions {
  /** The PINs that tokens have rejected before. */
  readonly rejectedPins: RejectedPins;
  /** Whether to log in to a token that says its PIN is locked or has one try left. */
  readonly ignorePinFlags: boolean;
  /** Whether objects are to be made or removed; else the session can only read, which is the default. */
  readonly write?: boolean;
}

/**
 * Opens a session with a token and logs in where the token wants a login. The PIN is tried once, and not at all where
 * the token has rejected it before, says that it is locked, or has one try left.
 *
 * @throws {@link CredentialHelperError} `ERR_PIN_REQUIRED`, `ERR_PIN_INCORRECT`, `ERR_PIN_LOCKED`, `ERR_PIN_FINAL_TRY`,
 * `ERR_PKCS11`
 */
export function openSession(
  library: Library,
  token: TokenInSlot,
  pin: Pin,
  options: LoginOptions,
): TokenSession {
  const { pkcs11, binding } = library;
  const { slotId, token: label } = token.attributes;
  const context = { library: library.path, token: `token "${label}" in slot ${slotId}` };
  return withContext(context, () => {
    const flags = binding.CKF_SERIAL_SESSION | (options.write ? binding.CKF_RW_SESSION : 0);
    const session = pkcs11.C_OpenSession(token.slot, flags);
    if ((token.flags & binding.CKF_LOGIN_REQUIRED) !== 0) {
      assertLoginPossible(library, token, pin, options.ignorePinFlags);
      login(library, token, session, pin, options.rejectedPins);
    }
    return { library, token, session, context, close: () => pkcs11.C_CloseSession(session) };
  });
}

/**
 * Checks that a login may be tried: a PIN is given where one is needed, and the token does not say that its PIN is
 * locked or has one try left.
 *
 * @throws {@link CredentialHelperError} `ERR_PIN_REQUIRED`, `ERR_PIN_LOCKED`, `ERR_PIN_FINAL_TRY`
 */
export function assertLoginPossible(
  library: Library,
  token: TokenInSlot,
  pin: Pin,
  ignorePinFlags: boolean,
): void {
  const { slotId, token: label } = token.attributes;
  const name = `token "${label}" in slot ${slotId}`;
  if (!ignorePinFlags) assertPinUsable(library, token, name);
  assertPinGiven(library, token, pin, name);
}

function login(
  { path, pkcs11, binding }: Library,
  { attributes }: TokenInSlot,
  session: Handle,
  pin: Secret | null | undefined,
  rejectedPins: RejectedPins,
): void {
  const { token, serial, manufacturer } = attributes;
  const identity = JSON.stringify([manufacturer, token, serial]);
  if (pin != null) rejectedPins.assertNotRejected(identity, pin);
  try {
    // The binding cannot pass no PIN at all, as PKCS#11 has it for a keypad; an empty one is taken for it.
    pkcs11.C_Login(session, binding.CKU_USER, pin?.reveal() ?? '');
  } catch (error) {
    // A login holds for the whole process, and what speaks TLS in it may have logged in before.
    if (returnValueName(error) === 'CKR_USER_ALREADY_LOGGED_IN') return;
    const explained = pkcs11Error(error, {
      library: path,
      token: `token "${token}" in slot ${attributes.slotId}`,
    });
    if (pin != null && isPinRejection(explained)) rejectedPins.remember(identity, pin, explained);
    throw explained;
  }
}

function assertPinUsable({ binding }: Library, { flags }: TokenInSlot, name: string): void {
  if ((flags & binding.CKF_USER_PIN_LOCKED) !== 0) {
    throw new CredentialHelperError(`the PIN of ${name} is locked`, {
      code: 'ERR_PIN_LOCKED',
      hint: 'the token’s security officer can unlock it and set a new PIN',
    });
  }
  if ((flags & binding.CKF_USER_PIN_FINAL_TRY) !== 0) {
    throw new CredentialHelperError(
      `${name} has one try left before its PIN locks; it was not used up`,
      {
        code: 'ERR_PIN_FINAL_TRY',
        hint: 'make sure of the PIN, then log in once with "ignorePinFlags": the right PIN gives all tries back',
      },
    );
  }
}

function assertPinGiven(
  { binding }: Library,
  { flags }: TokenInSlot,
  pin: Pin,
  name: string,
): void {
  const keypad = (flags & binding.CKF_PROTECTED_AUTHENTICATION_PATH) !== 0;
  if (pin === undefined || (pin === null && !keypad)) {
    throw new CredentialHelperError(
      pin === null
        ? `${name} has no keypad of its own, so null is no PIN for it`
        : `${name} wants a login and no PIN was given`,
      {
        code: 'ERR_PIN_REQUIRED',
        hint: keypad ? 'pass null as PIN to use the token’s own keypad' : 'pass the user’s PIN',
      },
    );
  }
}

/**
 * Finds the one private key that matches.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_NOT_FOUND` or `ERR_KEY_AMBIGUOUS`; both list what is there
 */
export function findPrivateKey(
  { library, session, token, context }: TokenSession,
  match: Pkcs11Uri,
): PrivateKeyInToken {
  const { pkcs11, binding } = library;
  const keys = withContext(context, () => {
    const template = [{ type: binding.CKA_CLASS, value: binding.CKO_PRIVATE_KEY }];
    return findObjects(pkcs11, session, template).map((handle) => {
      const types = [binding.CKA_LABEL, binding.CKA_ID, binding.CKA_KEY_TYPE];
      const [label, id, keyType] = readAttributes(pkcs11, session, handle, types);
      return {
        handle,
        label: label?.toString() ?? '',
        id: id ?? Buffer.alloc(0),
        // The bytes of a CK_ULONG; CKK_RSA is 0 in either byte order.
        isRsa: keyType?.every((byte) => byte === binding.CKK_RSA) ?? false,
      };
    });
  });
  const matching = keys.filter(
    ({ label, id }) =>
      (match.object === undefined || match.object === label) &&
      (match.id === undefined || id.equals(match.id)),
  );
  const [key] = matching;
  if (matching.length === 1 && key !== undefined) {
    return { handle: key.handle, isRsa: key.isRsa, attributes: keyAttributes(key) };
  }
  const uris = (found: typeof keys) =>
    list(
      found.map((item) => formatPkcs11Uri({ ...keyAttributes(item), modulePath: library.path })),
    );
  const wanted = [
    match.object === undefined ? '' : ` with the label "${match.object}"`,
    match.id === undefined ? '' : ` with the id ${Buffer.from(match.id).toString('hex')}`,
  ].join('');
  if (matching.length > 1) {
    throw new CredentialHelperError(
      `${context.token} holds ${matching.length} private keys${wanted}: ${uris(matching)}`,
      {
        code: 'ERR_KEY_AMBIGUOUS',
        hint: 'name one by its label, or by its id where labels repeat',
      },
    );
  }
  throw new CredentialHelperError(
    `${context.token} holds no private key${wanted}; there: ${keys.length === 0 ? 'none' : uris(keys)}`,
    { code: 'ERR_KEY_NOT_FOUND', hint: 'check the label; labels are compared letter by letter' },
  );

  function keyAttributes({ label, id }: { label: string; id: Buffer }): Pkcs11Uri {
    const { token: tokenLabel, serial } = token.attributes;
    return {
      token: tokenLabel,
      ...(serial ? { serial } : {}),
      ...(label === '' ? {} : { object: label }),
      ...(id.length === 0 ? {} : { id }),
      type: 'private',
    };
  }
}

function list(uris: readonly string[]): string {
  return [...uris].sort().join(', ');
}
