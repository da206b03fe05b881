import { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { watchCertificateDates } from '../identity/certificate-dates.ts';
import { readPipes } from '../identity/read-source.ts';
import { environmentLogger } from '../observe/environment-logger.ts';
import { invalidOption, ownOptions, readingOptions } from '../options/assert.ts';
import { checkLogger, logEvents } from '../options/logger.ts';
import {
  type CommonInit,
  checkIdentity,
  checkTimeout,
  type FileKeyInit,
  type IdentityOptions,
  IN_PKCS11,
  sourcesOf,
  type TokenKeyInit,
} from '../options/options.ts';
import type { Pkcs11Options } from '../options/token-options.ts';
import { loadKoffi } from '../pkcs11/koffi.ts';
import { holdProcess } from '../process/hold.ts';
import { openTokenKey } from '../token/open-key.ts';
import { createFileContext, readCa, readKeyPair, readTokenCertificate } from './file-context.ts';
import { findOpenSsl } from './openssl.ts';
import { createTokenContext } from './token-context.ts';

/** Options of {@link openTlsIdentity}: those of a session for certificate, key and CA. */
export type TlsIdentityOptions = (
  | Pick<FileKeyInit, 'privateKey' | 'passphrase' | 'pkcs11'>
  | (Pick<TokenKeyInit, 'privateKey' | 'passphrase'> & {
      /** The token and the key. They are used in this process, so there is no `isolate`. */
      readonly pkcs11: Omit<Pkcs11Options, 'isolate'>;
    })
) &
  Pick<CommonInit, 'certificate' | 'ca' | 'logger'> & {
    /**
     * Timeout for pipes, for the PIN, and for other processes that log in to the token, in milliseconds: 1 to 600 000.
     * Default 10 000.
     */
    readonly timeoutMs?: number | undefined;
  };

/** A certificate and its key, ready for any TLS client of Node.js. */
export interface TlsIdentity {
  /** The `secureContext` option of TLS clients. */
  readonly secureContext: SecureContext;
  /** The device certificate. */
  readonly certificate: X509Certificate;
  /**
   * Closes the session with the token: connections stay open, new handshakes fail. Does not throw. No effect for a
   * key from a file.
   */
  close(): void;
  /** Same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const OPTION_NAMES: readonly (keyof TlsIdentityOptions)[] = [
  'certificate',
  'privateKey',
  'passphrase',
  'pkcs11',
  'ca',
  'logger',
  'timeoutMs',
];

/**
 * Opens a certificate and its private key, from files or in a PKCS#11 token, for a TLS client of Node.js:
 * `tls.connect`, `https.Agent`, undici, MQTT.js. Files are read once.
 *
 * The PKCS#11 library is loaded into this process: a crash ends it, and each signature blocks the event loop.
 * After a logout or a replaced token, it logs in again, once per handshake; a PIN that the token rejects is not tried
 * again. The error of a handshake contains that of the token.
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
 * @throws `CredentialHelperError` (as a rejection) for invalid options, unreadable files, a key that does not belong
 * to the certificate, and errors of library, token and PIN; `ERR_TLS_UNAVAILABLE` if this runtime cannot use
 * a key in a token for TLS
 */
export function openTlsIdentity(options: TlsIdentityOptions): Promise<TlsIdentity> {
  return holdProcess(open(options));
}

async function open(given: TlsIdentityOptions): Promise<TlsIdentity> {
  const { logger, events, key, ca, waitMs } = readingOptions(() => readOptions(given));
  await readPipes(sourcesOf({ key, ca }), waitMs);
  const dates = watchCertificateDates(logger, Date.now);
  if (key.kind === 'file') {
    const passphrase = await key.passphrase.read(waitMs);
    const pair = readKeyPair(key, passphrase, events, dates);
    const certificate = new X509Certificate(pair.chain);
    const secureContext = createFileContext(pair, ca === undefined ? {} : { ca: readCa(ca) });
    return identity({ secureContext, certificate, close() {} });
  }
  const koffi = await loadKoffi();
  findOpenSsl(koffi);
  const { pin, access: _, isolate: __, ...token } = key.token;
  const opened = await openTokenKey(
    { ...token, pin: await pin.read(waitMs) },
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

function readOptions(given: TlsIdentityOptions) {
  const options: IdentityOptions & Pick<TlsIdentityOptions, 'logger' | 'timeoutMs'> = ownOptions(
    given,
    OPTION_NAMES,
    '',
    IN_PKCS11,
  );
  if (options.pkcs11?.isolate !== undefined) {
    throw invalidOption(
      'pkcs11.isolate',
      'is only for sessions; a TLS identity uses the token in this process',
    );
  }
  const logger = checkLogger(options.logger) ?? environmentLogger();
  const events = logEvents(logger);
  return {
    logger,
    events,
    ...checkIdentity(options, events.warn),
    waitMs: checkTimeout(options.timeoutMs),
  };
}

function identity(parts: Omit<TlsIdentity, typeof Symbol.asyncDispose>): TlsIdentity {
  return { ...parts, [Symbol.asyncDispose]: async () => parts.close() };
}
