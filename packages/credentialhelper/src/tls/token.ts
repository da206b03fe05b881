import { X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  TLSSocket,
} from 'node:tls';
import { CredentialHelperError } from '../errors.ts';
import { formatPkcs11UriWithPin, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Secret } from '../identity/secret.ts';
import { explainReturnValue } from '../pkcs11-return-value.ts';
import type { ConnectionSettings } from './client.ts';
import { configureEngine, ENGINE_ID } from './engine.ts';

/** A key in a token, the way the OpenSSL engine looks for it. */
export interface EngineKey {
  /** Path of the PKCS#11 library. */
  readonly library: string;
  /** Folder of the OpenSSL engine. */
  readonly engineFolder: string;
  /** What names the key. */
  readonly attributes: Pkcs11Uri;
  /** The PIN, where the engine has to log in itself. */
  readonly pin: Secret | undefined;
  /** The certificate chain, as PEM. */
  readonly certificateChain: string;
  /** Whether the token can make the signatures that TLS 1.3 wants. */
  readonly signsForTls13: boolean;
}

/**
 * For a token without RSA-PSS: TLS 1.2, and no offer of RSA-PSS, which a server would else choose (RFC 8446, section
 * 4.2.3, has it for TLS 1.2 too).
 */
const WITHOUT_RSA_PSS: SecureContextOptions = {
  maxVersion: 'TLSv1.2',
  sigalgs: 'RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512',
};

/**
 * A TLS context whose private key stays in a token, through libp11's OpenSSL engine. One library per process.
 *
 * @throws {@link CredentialHelperError} `ERR_PIN_INCORRECT` and the like, `ERR_KEY_NOT_FOUND`,
 * `ERR_KEY_CERTIFICATE_MISMATCH`, `ERR_PKCS11_LIBRARY`, `ERR_PKCS11`
 */
export function createTokenContext({ ca }: ConnectionSettings, key: EngineKey): SecureContext {
  configureEngine(key.engineFolder, key.library);
  let context: SecureContext;
  try {
    context = createSecureContext({
      minVersion: 'TLSv1.2',
      cert: key.certificateChain,
      privateKeyEngine: ENGINE_ID,
      privateKeyIdentifier: formatPkcs11UriWithPin({
        ...key.attributes,
        type: 'private',
        ...(key.pin === undefined ? {} : { pinValue: key.pin }),
      }),
      ...(ca === undefined ? {} : { ca }),
      ...(key.signsForTls13 ? {} : WITHOUT_RSA_PSS),
    });
  } catch (error) {
    throw engineError(error, key);
  }
  if (!sendsCertificate(context)) throw mismatch(key);
  return context;
}

/**
 * Whether this context would send its certificate. OpenSSL drops it without an error where the key is of another kind
 * (RSA and EC), and the server would then see a client without certificate.
 */
function sendsCertificate(secureContext: SecureContext): boolean {
  const unconnected = new Duplex({ read() {}, write() {} });
  const socket = new TLSSocket(unconnected, { secureContext });
  const certificate = socket.getCertificate();
  socket.destroy();
  return certificate !== null && Object.keys(certificate).length > 0;
}

function engineError(error: unknown, key: EngineKey): unknown {
  const { code, library, reason } = error as { code?: string; library?: string; reason?: string };
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return mismatch(key, error);
  if (library === 'PKCS#11 module') {
    const returnValue = `CKR_${reason?.toUpperCase().replaceAll(' ', '_')}`;
    const explained = explainReturnValue(returnValue);
    return new CredentialHelperError(
      `a PKCS#11 call returned ${returnValue} for ${describe(key)}`,
      { code: explained.code, cause: error, hint: explained.hint },
    );
  }
  if (library === 'libp11') {
    return new CredentialHelperError(`cannot load the PKCS#11 library ${key.library}`, {
      code: 'ERR_PKCS11_LIBRARY',
      cause: error,
      hint: `it must be a PKCS#11 library for this system (${process.platform} ${process.arch})`,
    });
  }
  if (library === 'pkcs11 engine') {
    return new CredentialHelperError(`there is no ${describe(key)}`, {
      code: 'ERR_KEY_NOT_FOUND',
      cause: error,
      hint: 'check the labels of token and key; with the npm package pkcs11js installed, this message lists what is there',
    });
  }
  return new CredentialHelperError(
    `the OpenSSL engine in ${key.engineFolder} failed for ${describe(key)}: ${(error as Error).message}`,
    { code: 'ERR_PKCS11', cause: error },
  );
}

function mismatch(key: EngineKey, cause?: unknown): CredentialHelperError {
  const { subject } = new X509Certificate(key.certificateChain);
  return new CredentialHelperError(
    `the ${describe(key)} does not belong to the certificate (${subject})`,
    {
      code: 'ERR_KEY_CERTIFICATE_MISMATCH',
      cause,
      hint: 'use the key that was made together with this certificate',
    },
  );
}

function describe({ attributes: { object, token }, library }: EngineKey): string {
  return `private key ${object === undefined ? '' : `"${object}" `}in token "${token ?? ''}" (library ${library})`;
}
