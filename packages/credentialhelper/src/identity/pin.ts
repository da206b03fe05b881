import { pathOfUrl } from './named-path.ts';
import type { Secret } from './secret.ts';
import { checkSecret, type Warn } from './secret-file.ts';
import {
  askingFunction,
  immediate,
  invalidSecretSource,
  openSecretPlace,
  PASSED,
  type SecretPlace,
  type SecretReader,
  type SecretSource,
} from './secret-source.ts';

/** The source of a token's PIN. `null`, also from a function: the token asks for the PIN on its own PIN pad. */
export type PinSource = SecretSource | null | (() => string | null | Promise<string | null>);

/** A PIN; `null`: the token has its own PIN pad; `undefined`: no login. */
export type Pin = Secret | null | undefined;

/** A validated source of a PIN. */
export type PinReader = SecretReader<Pin>;

/**
 * Validates a PIN source, and reads it once if reading has no side effects, so that a missing file is detected at once.
 *
 * @param option - the name of the option, for messages
 * @param warn - called for a file that other users can read
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_FILE_UNREADABLE`
 */
export function openPinSource(
  source: PinSource | undefined,
  option: string,
  warn: Warn,
): PinReader {
  if (source === undefined || source === null) {
    return immediate(() => source, source === null ? "from the token's PIN pad" : 'none');
  }
  if (typeof source === 'string') {
    const pin = checkSecret(source, `"${option}"`);
    return immediate(() => pin, PASSED);
  }
  const named = { kind: 'PIN', option, warn } as const;
  if (typeof source === 'function') {
    return askingFunction(source, named, (pin, name) =>
      pin === null ? null : checkSecret(pin, name),
    );
  }
  return openSecretPlace(source, named);
}

/**
 * Reads the `pin-source` of a PKCS#11 URI: a path, a `file:` URI, or `|` and a command for the shell as in RFC 7512 (section
 * 2.4), and also `env:NAME`, `credential:NAME` and `fd:N` for the other sources of {@link SecretPlace}.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function parsePinSource(text: string, option: string): SecretPlace {
  if (text.startsWith('|')) return { command: text.slice(1) };
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case undefined:
      if (text === '') break;
      return { file: text };
    case 'file': {
      const file = text.startsWith('file:/') ? pathOfUrl(text) : undefined;
      if (file === undefined) break;
      return { file };
    }
    case 'env':
      return { environmentVariable: rest };
    case 'credential':
      return { systemdCredential: rest };
    case 'fd':
      if (!/^\d{1,3}$/.test(rest)) break;
      return { fileDescriptor: Number(rest) };
    default:
      break;
  }
  throw invalidSecretSource(
    option,
    'has a pin-source that is not a path, file:, |COMMAND, env:, credential: or fd:',
  );
}
