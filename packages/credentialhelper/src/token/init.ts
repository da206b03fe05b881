import { CredentialHelperError, isPinRejection } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Secret } from '../identity/secret.ts';
import { forgetPins, tokenIdentity, tryPin } from '../pins/try-pin.ts';
import { CKU } from '../pkcs11/constants.ts';
import type { LibraryLocation } from '../pkcs11/library-location.ts';
import { Pkcs11 } from '../pkcs11/pkcs11.ts';
import { returnValueOf, withContext } from '../pkcs11/return-value.ts';
import { type Login, openPublicSession } from './session.ts';
import { hasFlag, listSlots, type TokenSlot } from './slots.ts';

/** The parameters of a new token. */
export interface InitRequest {
  readonly label: string;
  /** The user PIN. */
  readonly userPin: Secret;
  /** The PIN of the security officer (SO), who can set a new user PIN. */
  readonly soPin: Secret;
}

/** The size of a token label in PKCS#11. */
const LABEL_BYTES = 32;

/** The manufacturer of NSS's tokens. */
const NSS_MANUFACTURER = 'Mozilla Foundation';

/**
 * Selects the slot to initialize: the first with an uninitialized token, or the named one.
 *
 * @throws {@link CredentialHelperError} `ERR_OBJECT_EXISTS` if another token has the label; `ERR_SLOT_NOT_FREE`,
 * `ERR_TOKEN_NOT_FOUND`
 */
export function chooseSlot(pkcs11: Pkcs11, label: string, slotId: number | undefined): TokenSlot {
  const slot = findSlot(pkcs11, label, slotId);
  if (slot.info.manufacturer !== NSS_MANUFACTURER) return slot;
  throw new CredentialHelperError(
    `slot ${slot.attributes.slotId} of library ${pkcs11.path} holds an NSS database, and NSS would erase it with any SO PIN`,
    {
      code: 'ERR_SLOT_NOT_FREE',
      hint: "create a database with NSS's own tool: certutil -N -d sql:DIR",
    },
  );
}

function findSlot(pkcs11: Pkcs11, label: string, slotId: number | undefined): TokenSlot {
  const { tokens: slots } = listSlots(pkcs11);
  const namesake = slots.find(({ initialized, attributes }) => {
    return initialized && attributes.token === label;
  });
  if (namesake !== undefined && namesake.attributes.slotId !== slotId) {
    throw new CredentialHelperError(
      `library ${pkcs11.path} already shows a token "${label}", in slot ${namesake.attributes.slotId}`,
      {
        code: 'ERR_OBJECT_EXISTS',
        hint: `choose another label, or pass --slot-id ${namesake.attributes.slotId} to erase that token and reinitialize it`,
      },
    );
  }
  if (slotId === undefined) {
    const free = slots.find(({ initialized }) => !initialized);
    if (free !== undefined) return free;
    throw new CredentialHelperError(
      `library ${pkcs11.path} shows no free slot; it has: ${describeSlots(slots)}`,
      {
        code: 'ERR_SLOT_NOT_FREE',
        hint: 'to erase a token and reinitialize it, pass its --slot-id',
      },
    );
  }
  const chosen = slots.find(({ attributes }) => attributes.slotId === slotId);
  if (chosen !== undefined) return chosen;
  throw new CredentialHelperError(
    `library ${pkcs11.path} shows no token in slot ${slotId}; it has: ${describeSlots(slots)}`,
    { code: 'ERR_TOKEN_NOT_FOUND', hint: '"token list" shows the slots' },
  );
}

/**
 * Checks label and PINs against the limits of the token, so that nothing is erased for values that cannot be set.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_PIN_LOCKED`
 */
export function checkInit(slot: TokenSlot, request: InitRequest): void {
  const { token, slotId } = slot.attributes;
  const bytes = Buffer.byteLength(request.label);
  if (bytes === 0 || bytes > LABEL_BYTES) {
    throw new CredentialHelperError(
      `the label of a token has 1 to ${LABEL_BYTES} bytes, and "${request.label}" has ${bytes}`,
      { code: 'ERR_INVALID_OPTION' },
    );
  }
  assertNewPinLength(slot, request.userPin, 'user PIN');
  assertNewPinLength(slot, request.soPin, 'SO PIN');
  if (slot.initialized && (hasFlag(slot, 'SO_PIN_FINAL_TRY') || hasFlag(slot, 'SO_PIN_LOCKED'))) {
    throw new CredentialHelperError(
      `the SO PIN of the token "${token}" in slot ${slotId} is locked, or has one try left, which was not used`,
      { code: 'ERR_PIN_LOCKED' },
    );
  }
}

/**
 * Checks that a token accepts a new PIN of this length.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function assertNewPinLength({ info }: TokenSlot, pin: Secret, what: string): void {
  const length = Buffer.byteLength(pin.reveal());
  const { min, max } = info.pinBytes ?? { min: 0, max: length };
  if (length >= min && length <= max) return;
  throw new CredentialHelperError(
    `the ${what} is shorter or longer than this token accepts: ${min} to ${max} bytes`,
    { code: 'ERR_INVALID_OPTION', hint: 'nothing was changed' },
  );
}

/**
 * Initializes the token in a slot: it is empty afterwards, with a new label, SO PIN and user PIN. For an initialized
 * token, the SO PIN must be its current one.
 *
 * @param location - of the library, which is reloaded: SoftHSM then assigns the token another slot id
 * @returns its new URI attributes
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PIN_INCORRECT`, `ERR_PKCS11`
 */
export async function initToken(
  pkcs11: Pkcs11,
  location: LibraryLocation,
  chosen: TokenSlot,
  { label, userPin, soPin }: InitRequest,
  { stateFolder, waitMs, warn }: Omit<Login, 'pin' | 'ignorePinFlags'>,
): Promise<Pkcs11Uri> {
  const { slot, info, attributes } = chosen;
  const tokenName = `token "${label}" in slot ${attributes.slotId}`;
  const context = { library: pkcs11.path, token: tokenName };
  const identity = tokenIdentity(location, info);
  // A separate record: with the same text, the user PIN may be wrong and this one correct.
  const token = `${identity} SO`;
  const { koffi } = pkcs11;
  try {
    await tryPin({ koffi, token, tokenName, pin: soPin, stateFolder, waitMs, warn }, () =>
      withContext(context, () => pkcs11.initToken(slot, soPin.reveal(), label)),
    );
  } catch (error) {
    throw wrongSoPin(error, chosen, pkcs11.path);
  }
  const session = openPublicSession(pkcs11, chosen, 'write');
  try {
    withContext(context, () => {
      pkcs11.login(session.handle, CKU.SO, soPin.reveal());
      pkcs11.initPin(session.handle, userPin.reveal());
      pkcs11.logout(session.handle);
    });
  } finally {
    session.close();
  }
  forgetPins(identity, stateFolder);
  // Report the id that other processes will see.
  withContext({ library: pkcs11.path }, () => pkcs11.finalize());
  const again = await Pkcs11.open(location);
  const found = listSlots(again).tokens.find(({ attributes: { token } }) => token === label);
  if (found !== undefined) {
    forgetPins(tokenIdentity(location, found.info), stateFolder);
    return found.attributes;
  }
  throw new CredentialHelperError(
    `library ${pkcs11.path} initialized the token "${label}" but does not show it`,
    { code: 'ERR_TOKEN_NOT_FOUND', hint: "see the library's own log" },
  );
}

/** The factory default SO PINs of tokens. */
const FACTORY_SO_PINS: readonly (readonly [library: RegExp, pin: string])[] = [
  [/opencryptoki/i, 'opencryptoki: 87654321'],
  [/opensc/i, 'SmartCard-HSM: 3537363231383830'],
  [/ykcs11/i, 'YubiKey: 010203040506070801020304050607080102030405060708'],
];

function wrongSoPin(
  error: unknown,
  { initialized, attributes }: TokenSlot,
  library: string,
): unknown {
  if (!isPinRejection(error)) return error;
  const present = initialized
    ? `pass the current SO PIN of the token "${attributes.token}"; nothing was erased`
    : "pass the SO PIN that the token's vendor set; nothing was changed";
  const isTried = returnValueOf(error) !== undefined;
  const once = isTried
    ? 'it was tried once, because tokens lock after a few wrong PINs'
    : error.hint;
  const factory = FACTORY_SO_PINS.find(([part]) => part.test(library))?.[1];
  const known = factory === undefined ? '' : `; the factory default of ${factory}`;
  return new CredentialHelperError(error.message, {
    code: 'ERR_PIN_INCORRECT',
    cause: error,
    hint: `${present}; ${once}${known}`,
  });
}

function describeSlots(slots: readonly TokenSlot[]): string {
  if (slots.length === 0) return 'none';
  return slots
    .map(({ initialized, attributes: { slotId, token } }) =>
      initialized ? `${slotId} ("${token}")` : `${slotId} (not initialized)`,
    )
    .join(', ');
}
