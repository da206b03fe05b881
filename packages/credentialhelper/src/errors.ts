import { isNativeError } from 'node:util/types';
import { excerpt } from './text.ts';

/** What is known of an {@link ErrorCode}. */
export interface ErrorKind {
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly transient: boolean;
  /** What it means, as half a sentence. */
  readonly meaning: string;
}

/** Every code an error of this package can carry, and what it means. */
export const ERROR_CODES = {
  // What the caller passed.
  ERR_INVALID_OPTION: { transient: false, meaning: 'an option has the wrong type, form or value' },
  ERR_KEY_SOURCE: { transient: false, meaning: 'none or both of privateKey and pkcs11 were given' },
  ERR_DATA_ENDPOINT: {
    transient: false,
    meaning: 'the endpoint is one of AWS IoT’s data endpoints, not the credential provider',
  },
  ERR_REGION_UNKNOWN: {
    transient: false,
    meaning:
      'the AWS region cannot be read from the endpoint, and neither option nor environment says it',
  },
  ERR_OUT_OF_RESOURCES: {
    transient: true,
    meaning: 'this process or system has no file descriptor, process or memory left',
  },
  ERR_FILE_UNREADABLE: { transient: false, meaning: 'a file does not exist or cannot be read' },

  // Certificates and keys.
  ERR_CERTIFICATE_INVALID: { transient: false, meaning: 'the certificate cannot be parsed' },
  ERR_CA_INVALID: { transient: false, meaning: 'the CA certificates cannot be parsed' },
  ERR_PRIVATE_KEY_INVALID: {
    transient: false,
    meaning: 'the private key cannot be parsed, or is of a kind that AWS IoT does not take',
  },
  ERR_PASSPHRASE_REQUIRED: {
    transient: false,
    meaning: 'the private key is encrypted and no passphrase was given',
  },
  ERR_PASSPHRASE_WRONG: {
    transient: false,
    meaning: 'the passphrase does not decrypt the private key',
  },
  ERR_KEY_CERTIFICATE_MISMATCH: {
    transient: false,
    meaning: 'the private key does not belong to the certificate',
  },
  ERR_CERTIFICATE_EXPIRED: {
    transient: false,
    meaning: 'the server refused the device certificate, which has expired',
  },
  ERR_CERTIFICATE_NOT_YET_VALID: {
    transient: true,
    meaning: 'the server refused the device certificate, which is not valid yet',
  },

  // PKCS#11 tokens.
  ERR_TLS_UNAVAILABLE: {
    transient: false,
    meaning: 'the TLS of this runtime cannot use a key in a token',
  },
  ERR_PKCS11_LIBRARY: {
    transient: false,
    meaning:
      'the PKCS#11 library cannot be loaded or needs parameters, or this process uses it with others',
  },
  ERR_TOKEN_NOT_FOUND: { transient: true, meaning: 'no token matches' },
  ERR_TOKEN_AMBIGUOUS: { transient: false, meaning: 'more than one token matches' },
  ERR_KEY_NOT_FOUND: { transient: false, meaning: 'no private key in the token matches' },
  ERR_KEY_AMBIGUOUS: {
    transient: false,
    meaning: 'more than one private key in the token matches',
  },
  ERR_PIN_REQUIRED: { transient: false, meaning: 'the token wants a PIN and none was given' },
  ERR_PIN_SOURCE: {
    transient: true,
    meaning: 'the function that gives the PIN failed, or did not answer in time',
  },
  ERR_PIN_INCORRECT: { transient: false, meaning: 'the token rejected the PIN' },
  ERR_PIN_LOCKED: { transient: false, meaning: 'the PIN of the token is locked' },
  ERR_PIN_FINAL_TRY: {
    transient: false,
    meaning: 'the token has one try left before its PIN locks, and it was not used',
  },
  ERR_PIN_UNANSWERED: {
    transient: true,
    meaning: 'a login with this PIN ended before the token answered, and it is not tried again yet',
  },
  ERR_KEY_UNSUITABLE: { transient: false, meaning: 'the key in the token cannot be used for TLS' },
  ERR_CERTIFICATE_NOT_FOUND: {
    transient: false,
    meaning: 'the token holds no certificate that matches and belongs to the key',
  },
  ERR_PKCS11: { transient: true, meaning: 'a call to the PKCS#11 library failed' },
  ERR_TOKEN_TIMEOUT: {
    transient: true,
    meaning: 'the PKCS#11 library did not respond in time, and its process was killed',
  },
  ERR_TOKEN_CRASHED: {
    transient: true,
    meaning: 'the process that had loaded the PKCS#11 library ended before it answered',
  },
  ERR_CHILD_PROGRAM: {
    transient: false,
    meaning:
      'a child process cannot be started, or a part of this package is missing, as in a bundle, or of another version',
  },

  ERR_PKCS11_BINDING: {
    transient: false,
    meaning: 'the npm package koffi, which tokens need, is not installed',
  },
  ERR_OBJECT_EXISTS: {
    transient: false,
    meaning: 'a token or an object with that label or id is there already',
  },
  ERR_IMPORT_REFUSED: {
    transient: false,
    meaning: 'the token does not take a private key from outside',
  },
  ERR_SLOT_NOT_FREE: {
    transient: false,
    meaning: 'there is no free slot, or its token may not be erased',
  },

  // The command line.
  ERR_TERMINAL_REQUIRED: {
    transient: false,
    meaning: 'something must be asked and there is no terminal to ask on',
  },
  ERR_FILE_UNWRITABLE: {
    transient: false,
    meaning: 'a file cannot be written or removed',
  },

  // The way to the service.
  ERR_DNS: { transient: true, meaning: 'the endpoint’s name cannot be resolved' },
  ERR_CONNECTION_REFUSED: { transient: true, meaning: 'nothing listens at the endpoint' },
  ERR_CONNECTION_RESET: {
    transient: true,
    meaning: 'the connection was closed before the response came',
  },
  ERR_NETWORK: { transient: true, meaning: 'the endpoint cannot be reached' },
  ERR_TIMEOUT: { transient: true, meaning: 'the exchange took longer than timeoutMs' },
  ERR_SERVER_UNTRUSTED: {
    transient: false,
    meaning: 'the server’s certificate does not chain to a trusted CA',
  },
  ERR_SERVER_NAME_MISMATCH: {
    transient: false,
    meaning: 'the server’s certificate is for another name than the endpoint',
  },
  ERR_SERVER_CERTIFICATE_DATE: {
    transient: true,
    meaning: 'the server’s certificate has expired or is not valid yet by this device’s clock',
  },
  ERR_TLS_VERSION: { transient: false, meaning: 'the two sides have no TLS version in common' },
  ERR_CLIENT_CERTIFICATE_REFUSED: {
    transient: false,
    meaning: 'the server refused the device certificate in the TLS handshake',
  },
  ERR_TLS_HANDSHAKE: { transient: true, meaning: 'the TLS handshake failed' },

  // What the service answered.
  ERR_CERTIFICATE_NOT_REGISTERED: {
    transient: false,
    meaning: 'the certificate is not registered and active for this account and region',
  },
  ERR_THING_NAME: {
    transient: false,
    meaning: 'the thing does not exist or the certificate is not attached to it',
  },
  ERR_ACCESS_DENIED: {
    transient: false,
    meaning: 'no AWS IoT policy of the certificate allows it to use the role alias',
  },
  ERR_ROLE_ALIAS_NOT_FOUND: { transient: false, meaning: 'the role alias does not exist' },
  ERR_ROLE_NOT_ASSUMABLE: {
    transient: false,
    meaning: 'the role does not exist or does not trust the credential provider',
  },
  ERR_DURATION_EXCEEDS_ROLE: {
    transient: false,
    meaning: 'the role alias asks for a longer session than the role allows',
  },
  ERR_THROTTLED: { transient: true, meaning: 'the service asks for fewer requests' },
  ERR_SERVICE: { transient: true, meaning: 'the service failed (HTTP 5xx)' },
  ERR_UNEXPECTED_STATUS: {
    transient: false,
    meaning: 'the answer has an HTTP status that the service is not known to give',
  },
  ERR_RESPONSE_INVALID: {
    transient: true,
    meaning: 'the answer is not what the credential provider sends',
  },
  ERR_RESPONSE_TRUNCATED: { transient: true, meaning: 'the connection closed within the response' },
  ERR_RESPONSE_TOO_LARGE: { transient: true, meaning: 'the response is larger than 64 KiB' },
  ERR_CREDENTIALS_EXPIRED: {
    transient: true,
    meaning: 'the credentials had already expired when they came, by this device’s clock',
  },
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** The stable `code` of a {@link CredentialHelperError}; {@link ERROR_CODES} says what each means. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** The longest message: a label or a name from elsewhere may have any length. */
const MAX_CHARACTERS = 4000;

/** What a {@link CredentialHelperError} carries besides its code and message. */
export interface ErrorDetails {
  /** What went wrong. */
  readonly code: ErrorCode;
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined;
  /** The error underneath, where there is one. */
  readonly cause?: unknown;
  /** The HTTP status of the answer, where there was one. */
  readonly httpStatus?: number | undefined;
  /** AWS's id of the request (`x-amzn-RequestId`), where the answer had one. */
  readonly requestId?: string | undefined;
}

/**
 * The one error class of this package. Told apart by {@link CredentialHelperError.code}.
 *
 * A chain of the AWS SDK's providers ends with it (`tryNextLink: false`): a device that is configured to use its certificate
 * and cannot should say so, and not go on with other credentials that happen to be available.
 */
export class CredentialHelperError extends Error {
  override readonly name: string = 'CredentialHelperError';
  /** What a chain of the SDK's providers looks at. */
  readonly tryNextLink: false = false;
  /** What went wrong; stable across releases. */
  readonly code: ErrorCode;
  /** What to do next, where that is known. */
  readonly hint: string | undefined;
  /** The HTTP status of the answer, where there was one. */
  readonly httpStatus: number | undefined;
  /** AWS's id of the request, where the answer had one. */
  readonly requestId: string | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(
      excerpt(message, MAX_CHARACTERS),
      details.cause === undefined ? {} : { cause: details.cause },
    );
    this.code = details.code;
    this.hint = details.hint && excerpt(details.hint, MAX_CHARACTERS);
    this.httpStatus = details.httpStatus;
    this.requestId = details.requestId && excerpt(details.requestId);
  }

  /** Whether the same request may succeed later without anybody changing anything. */
  get transient(): boolean {
    return ERROR_CODES[this.code].transient;
  }
}

/**
 * Tells whether a value is an error of this package, also one that another copy of the package made.
 *
 * @param value - anything, usually what was caught
 */
export function isCredentialHelperError(value: unknown): value is CredentialHelperError {
  return (
    isNativeError(value) &&
    value.name === 'CredentialHelperError' &&
    'code' in value &&
    typeof value.code === 'string' &&
    Object.hasOwn(ERROR_CODES, value.code)
  );
}

/**
 * Whether an error says that a token rejected a PIN that was tried. A locked PIN is none: the same PIN may be right once
 * it has been unlocked.
 */
export function isPinRejection(error: unknown): error is CredentialHelperError {
  return isCredentialHelperError(error) && error.code === 'ERR_PIN_INCORRECT';
}

/** What has run out where the system says so, which it may have again later. */
const RESOURCES: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptor left (ulimit -n): is something leaking them?',
  ENFILE: 'this system has no file descriptor left',
  EAGAIN: 'this user or system has no process left (ulimit -u; pids.max of a container)',
  ENOMEM: 'this system has no memory left',
};

/** The hint for an error of the system that says that something has run out; undefined for another. */
export function resourceHint(code: string | undefined): string | undefined {
  return RESOURCES[code ?? ''];
}
