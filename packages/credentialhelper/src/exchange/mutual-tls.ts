import type { CertificateDates } from '../identity/certificate-dates.ts';
import { pipesOf, readPipes } from '../identity/read-source.ts';
import type { Secret } from '../identity/secret.ts';
import type { TokenRequest } from '../isolation/token-request.ts';
import { sendTokenRequestIsolated } from '../isolation/token-request-isolated.ts';
import type { Log } from '../observe/log.ts';
import { logEvents } from '../options/logger.ts';
import {
  type FileKeySettings,
  type Settings,
  sourcesOf,
  type TokenKeySettings,
} from '../options/options.ts';
import { monotonicMs } from '../process/timers.ts';
import type { ConnectionSettings, HttpsGet, HttpsRequest, HttpsResponse } from '../tls/client.ts';
import { defaultCaOfThisProcess } from '../tls/default-ca.ts';
import {
  createFileContext,
  type KeyPair,
  readCa,
  readKeyPair,
  readTokenCertificate,
} from '../tls/file-context.ts';
import { getWithNode } from '../tls/node.ts';
import { loadPart } from './load-part.ts';
import { createRotatingReader } from './rotation.ts';

/**
 * Prepares mutual TLS with the device's certificate and key: returns a function that rereads the files and sends one
 * request.
 *
 * Everything but pipes is read once up front, so that errors surface at construction; `verifyPeer: false` logs a
 * warning. The TLS context is created for each request and not kept: it takes more time and memory than all the rest.
 *
 * @param dates - checks each certificate before it is used
 * @throws {@link CredentialHelperError} for unreadable files, `ERR_KEY_CERTIFICATE_MISMATCH`
 */
export function createMutualTls(settings: Settings, dates: CertificateDates, log: Log): HttpsGet {
  const { key, timeoutMs } = settings;
  const sources = sourcesOf(settings);
  const identity =
    key.kind === 'file'
      ? fileIdentity(settings, key, dates, log)
      : tokenIdentity(settings, key, dates, log);
  let ready = pipesOf(sources).length === 0 ? identity.openNow() : undefined;
  const readAtMs = monotonicMs();
  if (!settings.verifyPeer) warnUnverified(settings);
  return async (request) => {
    const begin = monotonicMs();
    await readPipes(sources, timeoutMs);
    const isFresh = begin - readAtMs < FRESH_MS;
    const send = (isFresh ? ready : undefined) ?? (await identity.open(leftMs(settings, begin)));
    ready = undefined;
    return send(request, begin);
  };
}

/** How long the first request uses the files that were read up front, in milliseconds. */
const FRESH_MS = 50;

/** Sends a request; `begin` is the start of the timeout, from `monotonicMs()`. */
type SendSince = (request: HttpsRequest, begin: number) => Promise<HttpsResponse>;

/** Certificate and key, which are read each time they are opened. */
interface Identity {
  /** Reads synchronously if possible, and returns a function that sends a request. */
  readonly openNow: () => SendSince | undefined;
  /** @param limitMs - timeout in milliseconds */
  readonly open: (limitMs: number) => Promise<SendSince>;
}

function fileIdentity(
  settings: Settings,
  key: FileKeySettings,
  dates: CertificateDates,
  log: Log,
): Identity {
  const rotating = createRotatingReader<KeyPair>(settings);
  const reading = (passphrase: Secret | undefined) => () =>
    readKeyPair(key, passphrase, settings, dates);
  const open = (pair: KeyPair): SendSince => {
    const connection = readConnection(settings);
    return (request, begin) => {
      const { ca } = connection;
      const context = createFileContext(pair, ca === undefined ? {} : { ca });
      const left = leftMs(connection, begin);
      return getWithNode(request, connection, context, left, log.debug);
    };
  };
  const { read, readNow } = key.passphrase;
  return {
    openNow: () => (readNow === undefined ? undefined : open(rotating.readNow(reading(readNow())))),
    open: async (limitMs) => open(await rotating.read(reading(await read(limitMs)), limitMs)),
  };
}

function tokenIdentity(
  settings: Settings,
  key: TokenKeySettings,
  dates: CertificateDates,
  log: Log,
): Identity {
  const { pin: pinReader, access: _, isolate, ...token } = key.token;
  // Other sessions start without what tokens take. Loaded now: what fails to load once, Node.js does not load again.
  const inProcess =
    isolate === false ? loadPart(() => import('../isolation/token-request.ts')) : undefined;
  inProcess?.catch(() => {});
  const rotating = createRotatingReader<TokenRequest['certificate']>(settings);
  const reading = () => readTokenCertificate(key, dates);
  const open = (certificate: TokenRequest['certificate']): SendSince => {
    const connection = readConnection(settings);
    return async (request, begin) => {
      const pin = await pinReader.read(leftMs(connection, begin));
      const tokenKey = { ...token, pin };
      const tokenRequest: TokenRequest = { request, connection, token: tokenKey, certificate };
      if (inProcess !== undefined) {
        const { sendTokenRequest } = await inProcess;
        const events = { ...logEvents(log), certificate: dates.see };
        return sendTokenRequest(tokenRequest, events, leftMs(connection, begin));
      }
      return sendTokenRequestIsolated(
        { ...tokenRequest, connection: withDefaultCa(connection) },
        isolate || {},
        log,
        begin,
        dates.see,
      );
    };
  };
  return {
    openNow: () => open(rotating.readNow(reading)),
    open: async (limitMs) => open(await rotating.read(reading, limitMs)),
  };
}

function leftMs({ timeoutMs }: Pick<ConnectionSettings, 'timeoutMs'>, begin: number): number {
  return Math.max(1, Math.ceil(timeoutMs - (monotonicMs() - begin)));
}

function readConnection({ ca, proxy, verifyPeer, timeoutMs }: Settings): ConnectionSettings {
  return { ca: ca === undefined ? undefined : readCa(ca), proxy, verifyPeer, timeoutMs };
}

/** For a child process, which does not know the default CA certificates of this process if they were changed. */
function withDefaultCa(connection: ConnectionSettings): ConnectionSettings {
  const { ca, proxy } = connection;
  if (ca !== undefined && proxy?.isSecure !== true) return connection;
  const defaultCa = defaultCaOfThisProcess();
  return {
    ...connection,
    ca: ca ?? defaultCa,
    proxy: proxy && { ...proxy, ca: proxy.isSecure ? defaultCa : undefined },
  };
}

function warnUnverified({ endpoint, logger }: Settings): void {
  const warning = `verifyPeer is false: any server at ${endpoint.authority} is trusted, and can return credentials of its own`;
  if (logger === undefined) process.emitWarning(warning, { code: 'AWSIOT_VERIFY_PEER' });
  else logger.warn?.(warning);
}
