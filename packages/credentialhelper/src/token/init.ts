import { CredentialHelperError } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Secret } from '../identity/secret.ts';
import type { Binding, Library } from './library.ts';
import { openLibrary } from './library.ts';
import { withContext } from './pkcs11-error.ts';
import { listSlots, type SlotWithToken } from './slots.ts';

/** What a token is to be made with. */
export interface InitRequest {
  readonly label: string;
  /** The PIN that users of the keys log in with. */
  readonly userPin: Secret;
  /** The PIN of the security officer, who can set a new user PIN. */
  readonly soPin: Secret;
}

/** PKCS#11 gives the label of a token 32 bytes. */
const LABEL_BYTES = 32;

/**
 * Chooses the slot to initialise: the first whose token is not initialised, or the one that is named.
 *
 * @throws {@link CredentialHelperError} `ERR_OBJECT_EXISTS` where another token has the label; `ERR_SLOT_NOT_FREE`,
 * `ERR_TOKEN_NOT_FOUND`
 */
export function chooseSlot(
  library: Library,
  label: string,
  slotId: number | undefined,
): SlotWithToken {
  const slots = listSlots(library);
  const namesake = slots.find((slot) => slot.initialized && slot.label === label);
  if (namesake !== undefined && namesake.slotId !== slotId) {
    throw new CredentialHelperError(
      `library ${library.path} shows a token "${label}" already, in slot ${namesake.slotId}`,
      {
        code: 'ERR_OBJECT_EXISTS',
        hint: `choose another label, or give --slot-id ${namesake.slotId} to erase that token and make it anew`,
      },
    );
  }
  if (slotId === undefined) {
    const free = slots.find(({ initialized }) => !initialized);
    if (free !== undefined) return free;
    throw new CredentialHelperError(
      `library ${library.path} shows no free slot; taken are ${describeSlots(slots)}`,
      { code: 'ERR_SLOT_NOT_FREE', hint: 'to erase a token and make it anew, give its --slot-id' },
    );
  }
  const chosen = slots.find((slot) => slot.slotId === slotId);
  if (chosen !== undefined) return chosen;
  throw new CredentialHelperError(
    `library ${library.path} shows no token in slot ${slotId}; there are ${describeSlots(slots)}`,
    { code: 'ERR_TOKEN_NOT_FOUND', hint: '"token list" shows the slots' },
  );
}

/**
 * Checks label and PINs against what the token takes, so that nothing is erased for ones that cannot be set.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_PIN_LOCKED`
 */
export function checkInit(library: Library, slot: SlotWithToken, request: InitRequest): void {
  const { binding } = library;
  const bytes = Buffer.byteLength(request.label);
  if (bytes === 0 || bytes > LABEL_BYTES) {
    throw new CredentialHelperError(
      `the label of a token has 1 to ${LABEL_BYTES} bytes, and "${request.label}" has ${bytes}`,
      { code: 'ERR_INVALID_OPTION' },
    );
  }
  const { minPinLen, maxPinLen, flags } = slot.info;
  for (const [name, pin] of [
    ['user PIN', request.userPin],
    ['SO PIN', request.soPin],
  ] as const) {
    const length = Buffer.byteLength(pin.reveal());
    if (length >= minPinLen && length <= maxPinLen) continue;
    throw new CredentialHelperError(
      `the ${name} is shorter or longer than this token takes: ${minPinLen} to ${maxPinLen} bytes`,
      { code: 'ERR_INVALID_OPTION', hint: 'nothing was changed' },
    );
  }
  const lastTry = binding.CKF_SO_PIN_FINAL_TRY | binding.CKF_SO_PIN_LOCKED;
  if (slot.initialized && (flags & lastTry) !== 0) {
    throw new CredentialHelperError(
      `the SO PIN of the token "${slot.label}" in slot ${slot.slotId} is locked, or has one try left that was not used up`,
      { code: 'ERR_PIN_LOCKED' },
    );
  }
}

/**
 * Initialises the token in a slot: it is empty afterwards, with a new label, SO PIN and user PIN. For a token that was
 * initialised before, the SO PIN must be the one it has.
 *
 * @returns where it is now, as a URI's attributes: the slot's id may have changed
 * @throws {@link CredentialHelperError} `ERR_PIN_INCORRECT`, `ERR_PKCS11`
 */
export function initToken(
  library: Library,
  { slot, slotId }: SlotWithToken,
  { label, userPin, soPin }: InitRequest,
): Pkcs11Uri {
  const { pkcs11, binding, path } = library;
  const context = { library: path, token: `token "${label}" in slot ${slotId}` };
  const padding = LABEL_BYTES - Buffer.byteLength(label);
  withContext(context, () => {
    pkcs11.C_InitToken(slot, soPin.reveal(), label + ' '.repeat(padding));
    const session = pkcs11.C_OpenSession(slot, binding.CKF_SERIAL_SESSION | binding.CKF_RW_SESSION);
    try {
      pkcs11.C_Login(session, binding.CKU_SO, soPin.reveal());
      pkcs11.C_InitPIN(session, userPin.reveal());
      pkcs11.C_Logout(session);
    } finally {
      pkcs11.C_CloseSession(session);
    }
  });
  return tokenAfterInit(binding, library, label);
}

// SoftHSM gives a new token another slot id the next time it is loaded: what is told must be what others will see.
function tokenAfterInit(binding: Binding, library: Library, label: string): Pkcs11Uri {
  withContext({ library: library.path }, () => library.pkcs11.C_Finalize());
  const again = openLibrary(binding, library.path);
  const found = again.tokens().find(({ attributes }) => attributes.token === label);
  if (found !== undefined) return found.attributes;
  throw new CredentialHelperError(
    `library ${library.path} initialised the token "${label}" and does not show it now`,
    { code: 'ERR_TOKEN_NOT_FOUND', hint: 'the library’s own log may say more' },
  );
}

function describeSlots(slots: readonly SlotWithToken[]): string {
  if (slots.length === 0) return 'none';
  return slots
    .map(({ slotId, label, initialized }) =>
      initialized ? `${slotId} ("${label}")` : `${slotId} (not initialised)`,
    )
    .join(', ');
}
