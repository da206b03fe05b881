import type { Library, TokenInSlot } from './library.ts';
import { withContext } from './pkcs11-error.ts';

/**
 * Whether a token makes the RSA signatures that TLS 1.3 wants (RFC 8446, section 4.2.3): RSA-PSS by itself, or raw RSA,
 * which libp11's engine takes and pads by itself.
 */
export function hasRsaPss({ pkcs11, binding, path }: Library, token: TokenInSlot): boolean {
  const mechanisms = withContext({ library: path }, () => pkcs11.C_GetMechanismList(token.slot));
  return (
    mechanisms.includes(binding.CKM_RSA_PKCS_PSS) || mechanisms.includes(binding.CKM_RSA_X_509)
  );
}
