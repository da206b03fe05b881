import type { CertificateDates } from './identity/certificate-dates.ts';
import type { TokenRequest } from './isolation/token-request.ts';
import { sendTokenRequestIsolated } from './isolation/token-request-isolated.ts';
import { loadPart } from './load-part.ts';
import {
  type FileKeySettings,
  logEvents,
  type Settings,
  type TokenKeySettings,
} from './options.ts';
import type { ConnectionSettings, HttpsGet } from './tls/client.ts';
import { defaultCaOfThisProcess } from './tls/default-ca.ts';
import { openFileContext, readCa, readTokenCertificate } from './tls/file-context.ts';
import { getWithNode } from './tls/node.ts';

/**
 * Prepares mutual TLS with the device's certificate and key: gives a function that reads the files again and opens a way
 * to send one request with what is in them now.
 *
 * Everything is read once up front, so that errors surface at construction; `verifyPeer: false` is warned of.
 *
 * @param dates - is shown each certificate before it is used
 * @throws {@link CredentialHelperError} for what cannot be read, `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function createMutualTls(settings: Settings, dates: CertificateDates): () => HttpsGet {
  const { key } = settings;
  const open =
    key.kind === 'file' ? fileIdentity(settings, key, dates) : tokenIdentity(settings, key, dates);
  open();
  if (!settings.verifyPeer) warnUnverified(settings);
  return open;
}

function fileIdentity(
  settings: Settings,
  key: FileKeySettings,
  dates: CertificateDates,
): () => HttpsGet {
  return () => {
    const connection = readConnection(settings);
    const { secureContext } = openFileContext(key, settings.ca, dates);
    return (request) => getWithNode(request, connection, secureContext);
  };
}

function tokenIdentity(
  settings: Settings,
  key: TokenKeySettings,
  dates: CertificateDates,
): () => HttpsGet {
  const { logger } = settings;
  const { pin: pinReader, access: _, ...token } = key.token;
  return () => {
    const certificate = readTokenCertificate(key, dates);
    const connection = readConnection(settings);
    return async (request) => {
      const tokenKey = { ...token, pin: await pinReader.read(), stateFolder: key.stateFolder };
      const tokenRequest: TokenRequest = { request, connection, token: tokenKey, certificate };
      if (key.isolate !== false) {
        const ca = connection.ca ?? defaultCaOfThisProcess();
        return sendTokenRequestIsolated(
          { ...tokenRequest, connection: { ...connection, ca } },
          key.isolate,
          pinReader.environmentVariable,
          logger,
          dates.see,
        );
      }
      // Loaded when needed: other sessions start without what tokens take.
      const { sendTokenRequest } = await loadPart(() => import('./isolation/token-request.ts'));
      return sendTokenRequest(
        tokenRequest,
        { ...logEvents(logger), certificate: dates.see },
        connection.timeoutMs,
      );
    };
  };
}

function readConnection({ ca, verifyPeer, timeoutMs }: Settings): ConnectionSettings {
  return { ca: ca === undefined ? undefined : readCa(ca), verifyPeer, timeoutMs };
}

function warnUnverified({ endpoint, logger }: Settings): void {
  const warning = `verifyPeer is false: any server that answers as ${endpoint.authority} is trusted, and can hand out credentials of its own`;
  if (logger === undefined) process.emitWarning(warning, { code: 'AWSIOT_VERIFY_PEER' });
  else logger.warn(warning);
}
