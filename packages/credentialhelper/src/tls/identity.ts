import type { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { assertObject, refuseUnknown } from '../assert.ts';
import { watchCertificateDates } from '../identity/certificate-dates.ts';
import {
  checkKey,
  checkLogger,
  checkTimeout,
  type IotCoreOptions,
  type KeyOptions,
  logEvents,
  requireSource,
} from '../options.ts';
import { loadKoffi } from '../pkcs11/koffi.ts';
import { holdProcess } from '../process/hold.ts';
import { openTokenKey } from '../token/open-key.ts';
import { openFileContext, readCa, readTokenCertificate } from './file-context.ts';
import { findOpenSsl } from './openssl.ts';
import { createTokenContext } from './token-context.ts';

/** What {@link openTlsIdentity} takes: the options of a session that name certificate, key and CA. */
export interface TlsIdentityOptions
  extends Omit<KeyOptions, 'isolate'>,
    Pick<IotCoreOptions, 'ca' | 'logger'> {
  /** How long to wait while other processes log in to the token, in milliseconds: 1 to 600 000. Default 10 000. */
  readonly timeoutMs?: number | undefined;
}

/** A certificate and its key, ready for any TLS client of Node.js. */
export interface TlsIdentity {
  /** What TLS clients take as `secureContext`. */
  readonly secureContext: SecureContext;
  /** The device certificate. */
  readonly certificate: X509Certificate;
  /**
   * Closes the session with the token: connections go on, new handshakes fail. Does not throw. A key from a file has
   * nothing to close.
   */
  close(): void;
  /** Does the same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const OPTION_NAMES: readonly string[] = [
  'certificate',
  'privateKey',
  'passphrase',
  'pkcs11',
  'stateFolder',
  'ca',
  'logger',
  'timeoutMs',
] satisfies readonly (keyof TlsIdentityOptions)[];

/**
 * Opens a certificate and its private key, from files or in a PKCS#11 token, for a TLS client of Node.js:
 * `tls.connect`, `https.Agent`, undici, MQTT.js. Files are read once.
 *
 * The PKCS#11 library is loaded into this process: one that crashes ends it, and a signature blocks the event loop for
 * its length. A token that was logged out or replaced meanwhile is logged in to again, once for each handshake; a PIN
 * that it rejects is not tried again. An error of a handshake quotes what the token said.
 *
 * @example
 * ```ts
 * const identity = await openTlsIdentity({
 *   certificate: 'my-thing-cert.pem',
 *   pkcs11: { library: '/usr/lib/softhsm/libsofthsm2.so', userPin: { file: 'pin.txt' }, tokenLabel: 'my-token' },
 * });
 * const socket = tls.connect({ host, port: 8883, servername: host, secureContext: identity.secureContext });
 * ```
 *
 * @returns the identity
 * @throws {@link CredentialHelperError} (as a rejection) for options that are wrong, what cannot be read, a key that does
 * not belong to the certificate, and for what is wrong with library, token and PIN; `ERR_TLS_UNAVAILABLE` where the TLS
 * of this runtime cannot use a key in a token
 */
export function openTlsIdentity(options: TlsIdentityOptions): Promise<TlsIdentity> {
  return holdProcess(open(options));
}

async function open(options: TlsIdentityOptions): Promise<TlsIdentity> {
  assertObject(options, 'options');
  refuseUnknown(options, OPTION_NAMES, '');
  const logger = checkLogger(options.logger);
  const events = logEvents(logger);
  const key = checkKey(options, events.warn);
  const ca = options.ca === undefined ? undefined : requireSource(options.ca, 'ca');
  const waitMs = checkTimeout(options.timeoutMs);
  const dates = watchCertificateDates(logger, Date.now);
  if (key.kind === 'file') {
    return identity({ ...openFileContext(key, ca, dates), close() {} });
  }
  const koffi = await loadKoffi();
  findOpenSsl(koffi);
  const { pin, access: _, ...token } = key.token;
  const opened = await openTokenKey(
    { ...token, pin: await pin.read(), stateFolder: key.stateFolder },
    readTokenCertificate(key, dates),
    { ...events, waitMs },
    'lasting',
  );
  try {
    const context = createTokenContext(koffi, opened, ca === undefined ? {} : { ca: readCa(ca) });
    const [certificate] = opened.chain as [X509Certificate];
    dates.see(certificate);
    return identity({
      secureContext: context.secureContext,
      certificate,
      close() {
        context.release();
        opened.close();
      },
    });
  } catch (error) {
    opened.close();
    throw error;
  }
}

function identity(parts: Omit<TlsIdentity, typeof Symbol.asyncDispose>): TlsIdentity {
  return { ...parts, [Symbol.asyncDispose]: async () => parts.close() };
}
