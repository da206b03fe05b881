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
 * Everything is read once up front, so that errors surface at construction; a certificate outside its dates, and
 * `verifyPeer: false`, are warned of.
 *
 * @throws {@link CredentialHelperError} for what cannot be read, `ERR_KEY_CERTIFICATE_MISMATCH`
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
    const connection = readConnection(settings);
    const { secureContext } = openFileContext(key, settings);
    return (request) => getWithNode(request, connection, secureContext);
  };
}

function tokenIdentity(settings: Settings, key: TokenKeySettings): () => HttpsGet {
  const { logger } = settings;
  const { pin: pinReader, access: _, ...token } = key.token;
  return () => {
    const certificate = readTokenCertificate(key, logger);
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
        );
      }
      // Loaded when needed: other sessions start without what tokens take.
      const { sendTokenRequest } = await loadPart(() => import('./isolation/token-request.ts'));
      return sendTokenRequest(tokenRequest, logEvents(logger), connection.timeoutMs);
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
