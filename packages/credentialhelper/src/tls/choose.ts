import { createRequire } from 'node:module';
import { CredentialHelperError } from '../errors.ts';
import { findEngineFolder } from './engine.ts';

/** How TLS is spoken for a key in a token. */
export type TokenTls =
  | {
      readonly kind: 'node';
      /** Folder of the OpenSSL engine. */
      readonly engineFolder: string;
    }
  | { readonly kind: 'crt' };

const INSTALL_ENGINE =
  'install libp11’s OpenSSL engine (Debian and Ubuntu: apt install libengine-pkcs11-openssl; Fedora: dnf install openssl-pkcs11; Alpine: apk add libp11; macOS: brew install libp11)';
const INSTALL_CRT = 'npm install aws-crt';

/**
 * Chooses what speaks TLS for a key in a token, from what is installed.
 *
 * @throws {@link CredentialHelperError} `ERR_TLS_UNAVAILABLE`, naming what to install
 */
export function chooseTokenTls(wanted: 'auto' | 'node' | 'crt'): TokenTls {
  // biome-ignore lint/style/noProcessEnv: OpenSSL's own variable for the place of its engines
  const engineFolder = findEngineFolder(process.env.OPENSSL_ENGINES);
  if (wanted !== 'crt' && engineFolder !== undefined) return { kind: 'node', engineFolder };
  if (wanted !== 'node' && isCrtInstalled()) return { kind: 'crt' };
  const missing = {
    auto: [
      'neither libp11’s OpenSSL engine nor the npm package aws-crt is installed',
      `${INSTALL_ENGINE}, or ${INSTALL_CRT}`,
    ],
    node: ['libp11’s OpenSSL engine is not installed', INSTALL_ENGINE],
    crt: ['the npm package aws-crt is not installed', INSTALL_CRT],
  } as const;
  const [problem, hint] = missing[wanted];
  throw new CredentialHelperError(
    `a private key in a token cannot be used for TLS here: ${problem}`,
    { code: 'ERR_TLS_UNAVAILABLE', hint },
  );
}

function isCrtInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('aws-crt');
    return true;
  } catch {
    return false;
  }
}
