import type { LibraryLocation } from '../pkcs11/library-location.ts';
import type { Pin } from './pin.ts';
import type { Pkcs11Uri } from './pkcs11-uri.ts';

/** A key in a token, and what a login to the token needs. */
export interface TokenKey extends LibraryLocation {
  /** What token and key must match. */
  readonly match: Pkcs11Uri;
  readonly pin: Pin;
  /** Whether to log in to a token that reports its PIN as locked or with one try left. */
  readonly ignorePinFlags: boolean;
  /** Folder where PINs that a token rejected are remembered. */
  readonly stateFolder: string | undefined;
}
