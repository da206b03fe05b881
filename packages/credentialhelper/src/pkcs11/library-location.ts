/** The path of a PKCS#11 library and its parameters. */
export interface LibraryLocation {
  /** Absolute path. */
  readonly library: string;
  /** The `pReserved` argument of `C_Initialize`; required by NSS. */
  readonly libraryParameters?: string | undefined;
}
