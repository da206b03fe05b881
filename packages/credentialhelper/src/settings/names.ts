/** A setting of a session: an option of `createSession` that has one value, and the names by which it can be set. */
export interface Setting {
  /** The option; one inside `pkcs11` begins with `pkcs11.`. */
  readonly option: string;
  /** The flag of the command line, without its value. */
  readonly flag: string;
  /** The environment variable. */
  readonly variable: string;
  /** The key of a profile in `~/.aws/config`. */
  readonly key: string;
  /** The name of its value in help. */
  readonly value: string;
  /** Its meaning, as a clause. */
  readonly meaning: string;
  /**
   * How its text is read: `file` is the path of a file with a secret, `command` a command for the shell that prints it,
   * `variable` the secret itself, which can only be in an environment variable; `proxy` a URL that may have a password, or
   * `false`. Default: text.
   */
  readonly kind?: 'number' | 'flag' | 'file' | 'command' | 'variable' | 'proxy';
}

/** The settings of a session, in the order of the help. */
export const SETTINGS: readonly Setting[] = [
  setting('endpoint', 'host', 'endpoint of the credential provider', {
    variable: 'AWS_IOT_CREDENTIAL_ENDPOINT',
    key: 'iot_credential_endpoint',
  }),
  setting('roleAlias', 'name', 'name of the role alias'),
  setting('thingName', 'name', 'name of the thing'),
  setting('certificate', 'file', 'the device certificate'),
  setting('privateKey', 'file', 'its private key'),
  setting('passphrase', 'file', 'file with the passphrase of the key', {
    flag: '--passphrase-file',
    variable: 'AWS_IOT_PASSPHRASE_FILE',
    key: 'iot_passphrase_file',
    kind: 'file',
  }),
  setting('passphrase', 'command', 'command for the shell that prints the passphrase', {
    flag: '--passphrase-command',
    variable: 'AWS_IOT_PASSPHRASE_COMMAND',
    key: 'iot_passphrase_command',
    kind: 'command',
  }),
  setting('passphrase', 'text', 'the passphrase of the key', {
    flag: '',
    variable: 'AWS_IOT_PASSPHRASE',
    key: '',
    kind: 'variable',
  }),
  setting('ca', 'file', 'CA certificates to trust instead of those of Node.js'),
  setting('region', 'name', 'the AWS region; default: that of the endpoint', {
    variable: '',
    key: 'region',
  }),
  inToken('library', 'path', 'path of the PKCS#11 library', { flag: '--module', name: 'lib' }),
  inToken('libraryParameters', 'text', 'string to initialize the library with (required by NSS)'),
  inToken('tokenLabel', 'label', 'label of the token'),
  inToken('tokenSerial', 'number', 'its serial number, if several tokens have the same label'),
  inToken('slotId', 'number', 'id of its slot', { kind: 'number' }),
  inToken('privateKeyLabel', 'label', 'label of the key', { flag: '--label', name: 'key_label' }),
  inToken('uri', 'uri', 'a PKCS#11 URI instead: pkcs11:token=…;object=…?module-path=…'),
  inToken('userPin', 'file', 'file with the user PIN', {
    flag: '--pin-file',
    name: 'pin_file',
    kind: 'file',
  }),
  inToken('userPin', 'command', 'command for the shell that prints the user PIN', {
    flag: '--pin-command',
    name: 'pin_command',
    kind: 'command',
  }),
  inToken('userPin', 'text', 'the user PIN', { flag: '', name: 'pin', kind: 'variable' }),
  inToken(
    'ignorePinFlags',
    '',
    'log in to a token that reports its PIN as locked or with one try left',
    {
      kind: 'flag',
    },
  ),
  setting('timeoutMs', 'number', 'timeout of a request, in milliseconds', { kind: 'number' }),
  setting('maxWaitMs', 'number', 'how long to wait for retries after a failure, in milliseconds', {
    kind: 'number',
  }),
  setting('proxy', 'url', 'proxy for requests, or false; default: HTTPS_PROXY and NO_PROXY', {
    kind: 'proxy',
  }),
  setting('userAgent', 'text', 'the User-Agent header of requests'),
];

type Names = Partial<Pick<Setting, 'flag' | 'variable' | 'key' | 'kind'>>;

/** `timeoutMs`: `--timeout-ms`, `AWS_IOT_TIMEOUT_MS` and `iot_timeout_ms`. */
function setting(option: string, value: string, meaning: string, names: Names = {}): Setting {
  const words = option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return {
    option,
    value,
    meaning,
    flag: `--${words.replaceAll('_', '-')}`,
    variable: `AWS_IOT_${words.toUpperCase()}`,
    key: `iot_${words}`,
    ...names,
  };
}

/** `tokenLabel`: `--token-label`, `AWS_IOT_PKCS11_TOKEN_LABEL` and `iot_pkcs11_token_label`. */
function inToken(
  member: string,
  value: string,
  meaning: string,
  { name, ...names }: Names & { readonly name?: string } = {},
): Setting {
  const { key, ...given } = setting(member, value, meaning);
  const word = name ?? key.replace(/^iot_/, '');
  const isVariable = names.kind === 'variable';
  return {
    ...given,
    option: `pkcs11.${member}`,
    variable: `AWS_IOT_PKCS11_${word.toUpperCase()}`,
    // A secret itself does not belong in a file of settings.
    key: isVariable ? '' : `iot_pkcs11_${word}`,
    ...names,
  };
}

/** Where AWS IoT Greengrass v2 and AWS IoT Device Client are configured by default. */
export const DEFAULT_GREENGRASS = '/greengrass/v2';
export const DEFAULT_DEVICE_CLIENT = '~/.aws-iot-device-client/aws-iot-device-client.conf';
