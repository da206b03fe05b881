/** Where a PKCS#11 library is and how it is initialized. */
export interface LibraryLocation {
  /** Absolute path. */
  readonly library: string;
  /** What `C_Initialize` is given as `pReserved`; NSS wants it. */
  readonly libraryParameters?: string | undefined;
}
