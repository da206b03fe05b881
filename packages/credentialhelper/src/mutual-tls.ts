import { createSecureContext } from 'node:tls';
import {
  certificateDateProblem,
  chainForKey,
  readCertificates,
  toPem,
} from './identity/certificate.ts';
import { readPrivateKey } from './identity/private-key.ts';
import type { TokenRequest } from './isolation/token-request.ts';
import type { FileKeySettings, Settings, TokenKeySettings } from './options.ts';
import { chooseTokenTls } from './tls/choose.ts';
import type { ConnectionSettings, HttpsGet } from './tls/client.ts';
import { getWithNode } from './tls/node.ts';
import { withPinLatch } from './token/pin-latch.ts';

/**
 * Prepares mutual TLS with the device's certificate and key: gives a function that reads the files again and opens a way
 * to send one request with what is in them now.
 *
 * All is read once at once, so that what cannot work is refused at the door; a certificate outside its dates, and
 * `verifyPeer: false`, are warned of.
 *
 * @throws {@link CredentialHelperError} for what cannot be read, `ERR_KEY_CERTIFICATE_MISMATCH`, `ERR_TLS_UNAVAILABLE`
 */
export function createMutualTls(settings: Settings): () => HttpsGet {
  const { key } = settings;
  const open = key.kind === 'file' ? fileIdentity(settings, key) : tokenIdentity(settings, key);
  open();
  if (!settings.verifyPeer) warnUnverified(settings);
  return open;
}

function fileIdentity(settings: Settings, key: FileKeySettings): () => HttpsGet {
  return () => {
    const privateKey = readPrivateKey(key.source, key.passphrase);
    const certificates = readCertificates(key.certificate, 'certificate');
    const chain = chainForKey(certificates, privateKey);
    warnOfDates(settings, chain);
    const connection = readConnection(settings);
    const secureContext = createSecureContext({
      minVersion: 'TLSv1.2',
      cert: toPem(chain),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      ...(connection.ca === undefined ? {} : { ca: connection.ca }),
    });
    return (request) => getWithNode(request, connection, secureContext);
  };
}

function tokenIdentity(settings: Settings, key: TokenKeySettings): () => HttpsGet {
  const tls = chooseTokenTls(key.tls);
  const { logger } = settings;
  const warn = (message: string) => logger?.warn(message);
  const { pin: pinReader, ...token } = key.token;
  return () => {
    const certificate = readTokenCertificate(settings, key);
    const connection = readConnection(settings);
    return async (request) => {
      const tokenKey = { ...token, pin: await pinReader.read(), stateFolder: key.stateFolder };
      const tokenRequest: TokenRequest = { request, connection, tls, token: tokenKey, certificate };
      // Loaded when needed: a session with a key from a file starts without what tokens take.
      return withPinLatch(tokenKey, async () => {
        if (key.isolate) {
          const { sendTokenRequestIsolated } = await import(
            './isolation/token-request-isolated.ts'
          );
          return sendTokenRequestIsolated(tokenRequest, pinReader.environmentVariable, logger);
        }
        const { sendTokenRequest } = await import('./isolation/token-request.ts');
        return sendTokenRequest(tokenRequest, { warn, isOutputFiltered: false });
      });
    };
  };
}

function readTokenCertificate(
  settings: Settings,
  { certificate }: TokenKeySettings,
): TokenRequest['certificate'] {
  if ('match' in certificate) return certificate;
  const chain = readCertificates(certificate.source, 'certificate');
  warnOfDates(settings, chain);
  return { chain: toPem(chain) };
}

function readConnection({ ca, verifyPeer, timeoutMs }: Settings): ConnectionSettings {
  return {
    ca: ca === undefined ? undefined : toPem(readCertificates(ca, 'ca', 'ERR_CA_INVALID')),
    verifyPeer,
    timeoutMs,
  };
}

function warnOfDates(
  { logger }: Settings,
  [certificate]: ReturnType<typeof readCertificates>,
): void {
  const problem = certificate && certificateDateProblem(certificate, Date.now());
  if (problem !== undefined) logger?.warn(problem);
}

function warnUnverified({ endpoint, logger }: Settings): void {
  const warning = `verifyPeer is false: whoever answers as ${endpoint.authority} is believed, and can hand out credentials of their own`;
  if (logger === undefined) process.emitWarning(warning, { code: 'AWSIOT_VERIFY_PEER' });
  else logger.warn(warning);
}
