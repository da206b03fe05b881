import { CredentialHelperError } from '../errors.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { optionName } from '../option-names.ts';
import { CKF } from '../pkcs11/constants.ts';
import { libraryHint } from '../pkcs11/library-hints.ts';
import type { Handle, Pkcs11, TokenInfo } from '../pkcs11/pkcs11.ts';
import { Pkcs11Error, withContext } from '../pkcs11/return-value.ts';

/** A slot with a token. */
export interface TokenSlot {
  readonly slot: Handle;
  /** The URI attributes of slot and token. */
  readonly attributes: Pkcs11Uri & { readonly slotId: number; readonly token: string };
  readonly initialized: boolean;
  readonly info: TokenInfo;
}

/** A slot whose token cannot be read: defective, or just removed. */
export interface FailedSlot {
  readonly slotId: number;
  readonly problem: string;
}

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
] as const satisfies readonly (keyof Pkcs11Uri)[];

/**
 * The slots with a token, initialized or not. A failing slot does not hide the others.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11`
 */
export function listSlots(pkcs11: Pkcs11): {
  readonly tokens: readonly TokenSlot[];
  readonly failed: readonly FailedSlot[];
} {
  return withContext({ library: pkcs11.path }, () => {
    const { description, manufacturer, version } = pkcs11.getInfo();
    const tokens: TokenSlot[] = [];
    const failed: FailedSlot[] = [];
    for (const slot of pkcs11.getSlots()) {
      try {
        const info = pkcs11.getTokenInfo(slot);
        const slotInfo = pkcs11.getSlotInfo(slot);
        const initialized = (info.flags & CKF.TOKEN_INITIALIZED) !== 0;
        const attributes = {
          slotId: Number(slot),
          slotDescription: slotInfo.description,
          slotManufacturer: slotInfo.manufacturer,
          libraryDescription: description,
          libraryManufacturer: manufacturer,
          libraryVersion: version,
          token: initialized ? info.label : '',
          manufacturer: info.manufacturer,
          model: info.model,
          serial: info.serial,
        };
        tokens.push({ slot, attributes, initialized, info });
      } catch (error) {
        if (!(error instanceof Pkcs11Error)) throw error;
        failed.push({ slotId: Number(slot), problem: error.message });
      }
    }
    return { tokens, failed };
  });
}

/** The name of a token in messages. */
export function tokenName({ attributes: { token, slotId } }: TokenSlot): string {
  return `token "${token}" in slot ${slotId}`;
}

/** Whether a token has a `CKF_…` flag. */
export function hasFlag({ info }: Pick<TokenSlot, 'info'>, flag: keyof typeof CKF): boolean {
  return (info.flags & CKF[flag]) !== 0;
}

/** The URI attributes of a token. */
export function tokenUriAttributes({ attributes: { token, serial } }: TokenSlot): Pkcs11Uri {
  return { token, ...(serial ? { serial } : {}) };
}

/**
 * Finds the one initialized token that matches.
 *
 * @throws {@link CredentialHelperError} `ERR_TOKEN_NOT_FOUND` or `ERR_TOKEN_AMBIGUOUS`; both list the tokens
 */
export function findToken(pkcs11: Pkcs11, match: Pkcs11Uri): TokenSlot {
  const { tokens: all, failed } = listSlots(pkcs11);
  const tokens = all.filter(({ initialized }) => initialized);
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
      `${matching.length} tokens match in library ${pkcs11.path} (${searched}): ${describe(matching)}`,
      {
        code: 'ERR_TOKEN_AMBIGUOUS',
        hint: `name one by its label, by ${optionName('slotId')}, or by its serial number (${optionName('tokenSerial')})`,
      },
    );
  }
  const broken = failed.map(({ slotId, problem }) => `; slot ${slotId}: ${problem}`).join('');
  if (tokens.length > 0) {
    throw new CredentialHelperError(
      `no token matches in library ${pkcs11.path} (${searched}); it has: ${describe(tokens)}${broken}`,
      {
        code: 'ERR_TOKEN_NOT_FOUND',
        hint: 'check label and slot id; a slot id is not an index, and may change',
      },
    );
  }
  throw new CredentialHelperError(`library ${pkcs11.path} shows no initialized token${broken}`, {
    code: 'ERR_TOKEN_NOT_FOUND',
    hint:
      libraryHint(pkcs11.path) ??
      'check that the token is connected and that this user is permitted to use it',
  });
}

/** Whether a token has all attributes of token, slot and library in a URI. */
export function matchesToken({ attributes }: TokenSlot, match: Pkcs11Uri): boolean {
  // PKCS#11 pads these texts with blanks: trailing ones are ignored.
  const plain = (value: string | number | undefined) => `${value}`.replace(/ +$/, '');
  return TOKEN_ATTRIBUTES.every(
    (name) => match[name] === undefined || plain(attributes[name]) === plain(match[name]),
  );
}

/** Several tokens in a message, so that they can be distinguished. */
function describe(tokens: readonly TokenSlot[]): string {
  return tokens
    .map(
      ({ attributes: { token, slotId, serial } }) =>
        `"${token}" (slot id ${slotId}${serial ? `, serial ${serial}` : ''})`,
    )
    .sort()
    .join(', ');
}
