import type { Pace } from './refresh/retry.ts';

/** The properties of an {@link ErrorCode}. */
export interface ErrorKind {
  /** The meaning, as a clause. */
  readonly meaning: string;
  /** What to do, as a clause. */
  readonly remedy: string;
  /** Whether the same request may succeed later, without any change. */
  readonly retryable: boolean;
  /** How soon a session retries by itself. */
  readonly retry: Pace;
  /** The exit status of a command that fails with it: 2 for invalid input, else 1. */
  readonly exitStatus: 1 | 2;
}

/** All error codes of this package, with their properties. */
export const ERROR_CODES = {
  // Options.
  ERR_INVALID_OPTION: {
    meaning: 'an option has the wrong type, format or value',
    remedy: 'correct the option that the message names',
    retryable: false,
    retry: 'slowly',
    exitStatus: 2,
  },
  ERR_KEY_SOURCE: {
    meaning: 'neither or both of privateKey and pkcs11 were passed',
    remedy: 'pass "privateKey" for a key in a file or in memory, or "pkcs11" for a key in a token',
    retryable: false,
    retry: 'slowly',
    exitStatus: 2,
  },
  ERR_DATA_ENDPOINT: {
    meaning: "the endpoint is one of AWS IoT's data endpoints, not the credential provider",
    remedy:
      'pass the endpoint that `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints',
    retryable: false,
    retry: 'slowly',
    exitStatus: 2,
  },
  ERR_REGION_UNKNOWN: {
    meaning:
      'the AWS region cannot be read from the endpoint, and neither the option nor the environment sets it',
    remedy: 'pass "region", or set AWS_REGION',
    retryable: false,
    retry: 'slowly',
    exitStatus: 2,
  },
  ERR_SESSION_CLOSED: {
    meaning: 'credentials were requested from a closed session',
    remedy: 'create another session',
    retryable: false,
    retry: 'never',
    exitStatus: 1,
  },
  ERR_OUT_OF_RESOURCES: {
    meaning: 'this process or system has no file descriptor, process or memory left',
    remedy: 'free some, or raise the limit that the message names',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_FILE_UNREADABLE: {
    meaning: 'a file does not exist or cannot be read',
    remedy: 'check the path and the permissions of the file',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  // Certificates and keys.
  ERR_CERTIFICATE_INVALID: {
    meaning: 'the certificate cannot be parsed',
    remedy: 'pass the device certificate as PEM or DER',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_CA_INVALID: {
    meaning: 'the CA certificates cannot be parsed',
    remedy: 'pass the CA certificates as PEM or DER',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PRIVATE_KEY_INVALID: {
    meaning: 'the private key cannot be parsed, or AWS IoT does not support its type',
    remedy: 'pass an RSA or EC private key as PEM or DER',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PASSPHRASE_REQUIRED: {
    meaning: 'the private key is encrypted and no passphrase was passed',
    remedy: 'pass the passphrase of the key',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PASSPHRASE_WRONG: {
    meaning: 'the passphrase does not decrypt the private key',
    remedy: 'pass the passphrase that the key was encrypted with',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_KEY_CERTIFICATE_MISMATCH: {
    meaning: 'the private key does not belong to the certificate',
    remedy: 'pass the key that the certificate was issued for',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_CERTIFICATE_EXPIRED: {
    meaning: 'the server refused the device certificate, which has expired',
    remedy: 'issue a new certificate for the device, or correct its clock',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_CERTIFICATE_NOT_YET_VALID: {
    meaning: 'the server refused the device certificate, which is not valid yet',
    remedy: 'check the clock of the device',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  // PKCS#11 tokens.
  ERR_TLS_UNAVAILABLE: {
    meaning: 'this runtime cannot use a key in a token for TLS',
    remedy: 'use Node.js from nodejs.org or Debian',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PKCS11_LIBRARY: {
    meaning:
      'the PKCS#11 library cannot be loaded, needs parameters, or is in use by this process with other parameters',
    remedy: 'check the path of the library, and that it is built for this system',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_TOKEN_NOT_FOUND: {
    meaning: 'no token matches',
    remedy:
      'check that the token is connected, and its label or slot; `token list` lists the tokens',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_TOKEN_AMBIGUOUS: {
    meaning: 'more than one token matches',
    remedy: 'name the token by its slot or serial number',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_KEY_NOT_FOUND: {
    meaning: 'no private key in the token matches',
    remedy: 'check the label of the key; `token list` lists the keys',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_KEY_AMBIGUOUS: {
    meaning: 'more than one private key in the token matches',
    remedy: 'name the key by its label or id; `token list` lists the keys',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PIN_REQUIRED: {
    meaning: 'the token requires a PIN and none was passed',
    remedy: 'pass the PIN of the token',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_SECRET_SOURCE: {
    meaning:
      'the function or command that returns a PIN or passphrase failed, or did not end in time',
    remedy: 'check the function or command',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PIN_INCORRECT: {
    meaning: 'the token rejected the PIN',
    remedy: 'correct the PIN; it is not tried again',
    retryable: false,
    retry: 'never',
    exitStatus: 1,
  },
  ERR_PIN_LOCKED: {
    meaning: 'the PIN of the token is locked',
    remedy: 'unlock the PIN with the SO PIN; then `session.refresh()`, or restart',
    retryable: false,
    retry: 'never',
    exitStatus: 1,
  },
  ERR_PIN_FINAL_TRY: {
    meaning: 'the token has one try left before its PIN locks, and it was not used',
    remedy: 'verify the PIN, then log in once with another tool',
    retryable: false,
    retry: 'never',
    exitStatus: 1,
  },
  ERR_PIN_UNANSWERED: {
    meaning:
      'a login with this PIN was interrupted before the token answered, and it is not tried again yet',
    remedy: 'wait, and find out why the token did not respond',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_KEY_UNSUITABLE: {
    meaning: 'the key in the token cannot be used for TLS',
    remedy: 'use an RSA or EC key that is permitted to sign',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_CERTIFICATE_NOT_FOUND: {
    meaning: 'the token holds no certificate that matches and belongs to the key',
    remedy: 'import the certificate into the token, or pass it as a file',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PKCS11: {
    meaning: 'a call to the PKCS#11 library failed',
    remedy: 'see the return value (CKR_…) in the message',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_TOKEN_TIMEOUT: {
    meaning: 'the PKCS#11 library did not respond in time, and its process was killed',
    remedy: 'check that the token is connected, and whether it waits for a touch or its PIN pad',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_TOKEN_CRASHED: {
    meaning: 'the process that had loaded the PKCS#11 library ended before it answered',
    remedy: 'update the PKCS#11 library, or report the crash to its vendor',
    retryable: true,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_CHILD_PROGRAM: {
    meaning:
      'a child process cannot be started, or a part of this package is missing (as in a bundle) or of another version',
    remedy: 'install this package beside the application, or name the program of the child process',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_PKCS11_BINDING: {
    meaning: 'the npm package koffi, which keys in tokens require, is not installed',
    remedy: 'npm install koffi',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_OBJECT_EXISTS: {
    meaning: 'a token or object with that label or id already exists',
    remedy: 'choose another label or id, or delete the existing one',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_IMPORT_REFUSED: {
    meaning: 'the token does not accept an imported private key',
    remedy: 'generate the key in the token',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_SLOT_NOT_FREE: {
    meaning: 'there is no free slot, or its token may not be erased',
    remedy: 'name a slot whose token may be erased',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  // The command line.
  ERR_TERMINAL_REQUIRED: {
    meaning: 'input is required and there is no terminal to ask on',
    remedy: 'pass the input as an option',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_FILE_UNWRITABLE: {
    meaning: 'a file cannot be written or removed',
    remedy: 'check the path and the permissions of its folder',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_STS_UNREACHABLE: {
    meaning: 'AWS STS did not answer the question whose credentials these are',
    remedy: 'check that the device can reach the endpoint of AWS STS in its region',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_STS_REFUSED: {
    meaning: 'AWS STS refused the credentials',
    remedy: 'see the error of AWS STS in the message',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  // Network and TLS.
  ERR_DNS: {
    meaning: "the endpoint's name cannot be resolved",
    remedy: 'check the name of the endpoint, and the DNS of the device',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_CONNECTION_REFUSED: {
    meaning: 'nothing listens at the endpoint',
    remedy: 'check host and port of the endpoint',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_CONNECTION_RESET: {
    meaning: 'the connection was closed before the response arrived',
    remedy: 'check proxies and firewalls between the device and the endpoint',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_NETWORK: {
    meaning: 'the endpoint cannot be reached',
    remedy: 'check the network of the device',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_TIMEOUT: {
    meaning: 'the request took longer than timeoutMs',
    remedy: 'check the network of the device, or raise timeoutMs',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_PROXY: {
    meaning: 'the proxy cannot be reached, is not a proxy, or cannot connect to the endpoint',
    remedy: 'check the URL of the proxy, and its network',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_PROXY_REFUSED: {
    meaning: 'the proxy requires other credentials, or does not allow a connection to the endpoint',
    remedy:
      'check user name and password in the URL of the proxy; have it allow the endpoint, port 443',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_SERVER_UNTRUSTED: {
    meaning: "the server's certificate does not chain to a trusted CA",
    remedy: 'pass the CA certificate of the endpoint as "ca"; AWS endpoints need none',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_SERVER_NAME_MISMATCH: {
    meaning: "the server's certificate does not match the name of the endpoint",
    remedy: 'pass the endpoint with a name that its certificate contains',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_SERVER_CERTIFICATE_DATE: {
    meaning: "the server's certificate has expired or is not valid yet by this device's clock",
    remedy: 'check the clock of the device',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_TLS_VERSION: {
    meaning: 'client and server have no TLS version in common',
    remedy: 'allow TLS 1.2 or 1.3 on both sides',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_CLIENT_CERTIFICATE_REFUSED: {
    meaning: 'the server refused the device certificate in the TLS handshake',
    remedy: 'register the certificate with AWS IoT, and activate it',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_TLS_HANDSHAKE: {
    meaning: 'the TLS handshake failed',
    remedy: 'see the cause for the error of the TLS library',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  // Responses of the service.
  ERR_CERTIFICATE_NOT_REGISTERED: {
    meaning: 'the certificate is not registered and active for this account and region',
    remedy: 'register the certificate in the account and region of the endpoint, and activate it',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_THING_NAME: {
    meaning: 'the thing does not exist or the certificate is not attached to it',
    remedy: 'attach the certificate to the thing, or correct "thingName"',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_ACCESS_DENIED: {
    meaning: 'no AWS IoT policy of the certificate allows it to use the role alias',
    remedy: 'attach an AWS IoT policy that allows iot:AssumeRoleWithCertificate on the role alias',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_ROLE_ALIAS_NOT_FOUND: {
    meaning: 'the role alias does not exist',
    remedy: 'correct "roleAlias", or create it',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_ROLE_NOT_ASSUMABLE: {
    meaning: 'the role does not exist or does not trust the credential provider',
    remedy: 'allow credentials.iot.amazonaws.com in the trust policy of the role',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_DURATION_EXCEEDS_ROLE: {
    meaning:
      'the credential duration of the role alias exceeds the maximum session duration of the role',
    remedy:
      'lower credentialDurationSeconds of the role alias, or raise MaxSessionDuration of the role',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_THROTTLED: {
    meaning: 'the service is throttling requests',
    remedy: 'retry later; spread the requests of many devices',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_SERVICE: {
    meaning: 'the service failed (HTTP 5xx or 408)',
    remedy: 'retry later; see the AWS Health Dashboard',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_UNEXPECTED_STATUS: {
    meaning: 'the response has an HTTP status that the service does not document',
    remedy: 'check that the endpoint is that of the credential provider',
    retryable: false,
    retry: 'slowly',
    exitStatus: 1,
  },
  ERR_RESPONSE_INVALID: {
    meaning: 'the response is not that of the credential provider',
    remedy: 'check that the endpoint is that of the credential provider',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_RESPONSE_TRUNCATED: {
    meaning: 'the connection was closed before the response was complete',
    remedy: 'check proxies and firewalls between the device and the endpoint',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_RESPONSE_TOO_LARGE: {
    meaning: 'the response is larger than 64 KiB',
    remedy: 'check that the endpoint is that of the credential provider',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
  ERR_CREDENTIALS_EXPIRED: {
    meaning: "the credentials had already expired when they arrived, by this device's clock",
    remedy: 'check the clock of the device',
    retryable: true,
    retry: 'soon',
    exitStatus: 1,
  },
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** The stable `code` of a {@link CredentialHelperError}; {@link ERROR_CODES} describes each. */
export type ErrorCode = keyof typeof ERROR_CODES;
