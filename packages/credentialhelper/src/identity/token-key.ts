import type { LibraryLocation } from '../pkcs11/library-location.ts';
import type { Pin } from './pin.ts';
import type { Pkcs11Uri } from './pkcs11-uri.ts';

/** A key in a token, and the parameters of a login to the token. */
export interface TokenKey extends LibraryLocation {
  /** The attributes of token and key. */
  readonly match: Pkcs11Uri;
  readonly pin: Pin;
  /** Whether to log in to a token that reports its PIN as locked or with one try left. */
  readonly ignorePinFlags: boolean;
  /** Folder with the records of rejected PINs. */
  readonly stateFolder: string | undefined;
}
