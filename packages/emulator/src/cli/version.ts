/** Set by the build. */
declare const PACKAGE_VERSION: string | undefined;

/** The version of this package; `source` if it was not built. */
export const VERSION: string = typeof PACKAGE_VERSION === 'string' ? PACKAGE_VERSION : 'source';
