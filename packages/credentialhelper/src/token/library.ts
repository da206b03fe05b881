import { endianness } from 'node:os';
import type { Handle, PKCS11, SlotInfo, TokenInfo } from 'pkcs11js';
import { CredentialHelperError } from '../errors.ts';
import type { Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import { returnValueName, withContext } from './pkcs11-error.ts';

/** The PKCS#11 binding, an optional dependency. */
export type Binding = typeof import('pkcs11js');

/** A slot with an initialised token in it. */
export interface TokenInSlot {
  readonly slot: Handle;
  /** Where it is, and what it says of itself. */
  readonly attributes: Pkcs11Uri & { readonly slotId: number; readonly token: string };
  /** The `CKF_…` flags of the token. */
  readonly flags: number;
}

/** A PKCS#11 library, loaded and initialised. */
export interface Library {
  readonly path: string;
  readonly binding: Binding;
  readonly pkcs11: PKCS11;
  /** The initialised tokens that are there now. */
  tokens(): readonly TokenInSlot[];
  /**
   * Lets go of the library. It is not finalised (`C_Finalize`): what speaks TLS in this process may be using it too.
   */
  close(): void;
}

/** Loads the binding, or gives undefined where it is not installed or was not built. */
export async function loadBinding(): Promise<Binding | undefined> {
  try {
    const { default: binding } = await import('pkcs11js');
    return binding as Binding;
  } catch {
    return undefined;
  }
}

/**
 * Loads a PKCS#11 library into this process.
 *
 * @throws {@link CredentialHelperError} `ERR_PKCS11_LIBRARY` where it cannot be loaded, `ERR_PKCS11` where it does not
 * initialise
 */
export function openLibrary(binding: Binding, path: string): Library {
  const pkcs11 = new binding.PKCS11();
  try {
    pkcs11.load(path);
  } catch (cause) {
    throw new CredentialHelperError(
      `cannot load the PKCS#11 library ${path}: ${(cause as Error).message}`,
      {
        code: 'ERR_PKCS11_LIBRARY',
        cause,
        hint: `it must be a PKCS#11 library for this system (${process.platform} ${process.arch})`,
      },
    );
  }
  return withContext({ library: path }, () => {
    initialize(binding, pkcs11);
    return {
      path,
      binding,
      pkcs11,
      tokens: () => listTokens(binding, pkcs11, path),
      close: () => pkcs11.close(),
    };
  });
}

function initialize(binding: Binding, pkcs11: PKCS11): void {
  try {
    pkcs11.C_Initialize({ flags: binding.CKF_OS_LOCKING_OK });
  } catch (error) {
    if (returnValueName(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error;
  }
}

function listTokens(binding: Binding, pkcs11: PKCS11, library: string): readonly TokenInSlot[] {
  return withContext({ library }, () => {
    const { libraryDescription, libraryVersion, manufacturerID } = pkcs11.C_GetInfo();
    return pkcs11.C_GetSlotList(true).flatMap((slot) => {
      const token = tokenInfo(pkcs11, slot);
      if (token === undefined || (token.flags & binding.CKF_TOKEN_INITIALIZED) === 0) return [];
      return [
        {
          slot,
          flags: token.flags,
          attributes: {
            ...slotAttributes(slot, pkcs11.C_GetSlotInfo(slot)),
            libraryDescription: trim(libraryDescription),
            libraryManufacturer: trim(manufacturerID),
            libraryVersion: `${libraryVersion.major}.${libraryVersion.minor}`,
            token: trim(token.label),
            manufacturer: trim(token.manufacturerID),
            model: trim(token.model),
            serial: trim(token.serialNumber),
          },
        },
      ];
    });
  });
}

// A token that is taken out, or unknown to the library, between two calls is not there.
function tokenInfo(pkcs11: PKCS11, slot: Handle): TokenInfo | undefined {
  try {
    return pkcs11.C_GetTokenInfo(slot);
  } catch (error) {
    if (/^CKR_(TOKEN_NOT_|DEVICE_REMOVED)/.test(returnValueName(error) ?? '')) return undefined;
    throw error;
  }
}

function slotAttributes(slot: Handle, info: SlotInfo) {
  return {
    slotId: slotNumber(slot),
    slotDescription: trim(info.slotDescription),
    slotManufacturer: trim(info.manufacturerID),
  };
}

/** A slot's number: pkcs11js hands over the bytes of a `CK_ULONG`. */
export function slotNumber(handle: Handle): number {
  const bytes = endianness() === 'LE' ? Buffer.from(handle).reverse() : handle;
  return Number(BigInt(`0x${bytes.toString('hex')}`));
}

/** A text field without its padding: PKCS#11 pads with blanks, some libraries with NUL. */
export function trim(text: string): string {
  return text.replace(/[\0 ]+$/, '');
}
