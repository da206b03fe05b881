import type { Handle, TokenInfo } from 'pkcs11js';
import { type Library, slotNumber, trim } from './library.ts';
import { withContext } from './pkcs11-error.ts';

/** A slot with a token in it, initialised or not. */
export interface SlotWithToken {
  readonly slot: Handle;
  readonly slotId: number;
  readonly label: string;
  readonly initialized: boolean;
  readonly info: TokenInfo;
}

/** The slots that have a token, also one that is not initialised yet. */
export function listSlots({ path, binding, pkcs11 }: Library): readonly SlotWithToken[] {
  return withContext({ library: path }, () =>
    pkcs11.C_GetSlotList(true).flatMap((slot) => {
      let info: TokenInfo;
      try {
        info = pkcs11.C_GetTokenInfo(slot);
      } catch {
        // Taken out between two calls, or of a kind that the library does not know.
        return [];
      }
      const initialized = (info.flags & binding.CKF_TOKEN_INITIALIZED) !== 0;
      return [
        {
          slot,
          slotId: slotNumber(slot),
          label: initialized ? trim(info.label) : '',
          initialized,
          info,
        },
      ];
    }),
  );
}
