import { Secret } from '../identity/secret.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { ProcessRecordsState } from '../pins/records.ts';
import type { ConnectionSettings, TrustedProxy } from '../tls/client.ts';
import type { TokenRequest } from './token-request.ts';

/** The levels of the log that are reported to the parent process; warnings always are. */
export interface LogLevels {
  readonly debug: boolean;
  /** Each PKCS#11 call. */
  readonly trace: boolean;
}

/** A {@link TokenRequest} as sent over the IPC channel, with its secrets as text. */
export interface TokenRequestMessage extends Omit<TokenRequest, 'token' | 'connection'> {
  readonly connection: Omit<ConnectionSettings, 'proxy'> & {
    readonly proxy:
      | (Omit<TrustedProxy, 'authorization'> & { readonly authorization: string | undefined })
      | undefined;
  };
  readonly token: Omit<TokenKey, 'pin'> & { readonly pin: string | null | undefined };
  /** The PIN records of the parent process. */
  readonly pins: ProcessRecordsState;
  /** Which levels of the log to report. */
  readonly logs: LogLevels;
}

export function packTokenRequest(
  request: TokenRequest,
  pins: ProcessRecordsState,
  logs: LogLevels,
): TokenRequestMessage {
  const { pin } = request.token;
  const { proxy } = request.connection;
  return {
    ...request,
    connection: {
      ...request.connection,
      proxy: proxy && { ...proxy, authorization: proxy.authorization?.reveal() },
    },
    token: { ...request.token, pin: pin == null ? pin : pin.reveal() },
    pins,
    logs,
  };
}

export function unpackTokenRequest({
  pins: _,
  logs: __,
  ...message
}: TokenRequestMessage): TokenRequest {
  const { pin } = message.token;
  const { proxy } = message.connection;
  return {
    ...message,
    connection: {
      ...message.connection,
      proxy: proxy && {
        ...proxy,
        authorization:
          proxy.authorization === undefined ? undefined : new Secret(proxy.authorization),
      },
    },
    token: { ...message.token, pin: pin == null ? pin : new Secret(pin) },
  };
}
