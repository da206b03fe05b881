import type { Handle } from 'pkcs11js';
import { CredentialHelperError } from '../errors.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../identity/pkcs11-uri.ts';
import type { Library, TokenInSlot } from './library.ts';
import { findAll, readAttribute, readNumber } from './objects.ts';
import type { TokenSession } from './session.ts';

/** A private key in a token. */
export interface PrivateKeyInToken {
  readonly handle: Handle;
  /** Whether it is an RSA key; else it is an EC key. */
  readonly isRsa: boolean;
  /** What names this key and no other. */
  readonly attributes: Pkcs11Uri;
}

type TokenAttribute = keyof TokenInSlot['attributes'] & keyof Pkcs11Uri;

const TOKEN_ATTRIBUTES = [
  'token',
  'manufacturer',
  'serial',
  'model',
  'libraryManufacturer',
  'libraryDescription',
  'libraryVersion',
  'slotManufacturer',
  'slotDescription',
  'slotId',
] as const satisfies readonly TokenAttribute[];

/**
 * Finds the one token that matches.
 *
 * @throws {@link CredentialHelperError} `ERR_TOKEN_NOT_FOUND` or `ERR_TOKEN_AMBIGUOUS`; both list what is there
 */
export function findToken(library: Library, match: Pkcs11Uri): TokenInSlot {
  const tokens = library.tokens();
  const matching = tokens.filter((candidate) => matchesToken(candidate, match));
  const [token] = matching;
  if (matching.length === 1 && token !== undefined) return token;
  const wanted = TOKEN_ATTRIBUTES.filter((name) => match[name] !== undefined);
  const searched =
    wanted.length === 0
      ? 'no token was named'
      : `searched: ${formatPkcs11Uri(Object.fromEntries(wanted.map((name) => [name, match[name]])))}`;
  if (matching.length > 1) {
    throw new CredentialHelperError(
      `${matching.length} tokens match in library ${library.path} (${searched}): ${list(matching.map((one) => tokenUri(library, one)))}`,
      { code: 'ERR_TOKEN_AMBIGUOUS', hint: 'name one by its label or slot id' },
    );
  }
  throw new CredentialHelperError(
    tokens.length === 0
      ? `library ${library.path} shows no initialised token`
      : `no token matches in library ${library.path} (${searched}); there: ${list(tokens.map((one) => tokenUri(library, one)))}`,
    {
      code: 'ERR_TOKEN_NOT_FOUND',
      hint:
        tokens.length === 0
          ? 'is the token there, and does the library find its configuration (SoftHSM reads SOFTHSM2_CONF)?'
          : 'check label and slot id; a slot’s id is not its place in the list, and may change',
    },
  );
}

/** Whether a token has all attributes that a URI names of token, slot and library. */
export function matchesToken({ attributes }: TokenInSlot, match: Pkcs11Uri): boolean {
  return TOKEN_ATTRIBUTES.every(
    (name) => match[name] === undefined || attributes[name] === match[name],
  );
}

/** The URI of a token by label, serial number and slot: what tells it apart from others, ready to be used. */
function tokenUri(library: Library, { attributes }: TokenInSlot): string {
  const { token, serial, slotId } = attributes;
  return formatPkcs11Uri({
    token,
    slotId,
    ...(serial ? { serial } : {}),
    modulePath: library.path,
  });
}

/**
 * Finds the one private key that matches.
 *
 * @throws {@link CredentialHelperError} `ERR_KEY_NOT_FOUND` or `ERR_KEY_AMBIGUOUS`; both list what is there
 */
export function findPrivateKey(tokenSession: TokenSession, match: Pkcs11Uri): PrivateKeyInToken {
  const { library, token, context } = tokenSession;
  const { binding } = library;
  const template = [{ type: binding.CKA_CLASS, value: binding.CKO_PRIVATE_KEY }];
  const keys = findAll(tokenSession, template).map((handle) => ({
    handle,
    label: readAttribute(tokenSession, handle, binding.CKA_LABEL)?.toString() ?? '',
    id: readAttribute(tokenSession, handle, binding.CKA_ID) ?? Buffer.alloc(0),
    isRsa: readNumber(tokenSession, handle, binding.CKA_KEY_TYPE) === binding.CKK_RSA,
  }));
  const matching = keys.filter(
    ({ label, id }) =>
      (match.object === undefined || match.object === label) &&
      (match.id === undefined || id.equals(match.id)),
  );
  const [key] = matching;
  if (matching.length === 1 && key !== undefined) {
    return { handle: key.handle, isRsa: key.isRsa, attributes: keyAttributes(key) };
  }
  const uris = (found: typeof keys) =>
    list(
      found.map((item) => formatPkcs11Uri({ ...keyAttributes(item), modulePath: library.path })),
    );
  const wanted = [
    match.object === undefined ? '' : ` with the label "${match.object}"`,
    match.id === undefined ? '' : ` with the id ${Buffer.from(match.id).toString('hex')}`,
  ].join('');
  if (matching.length > 1) {
    throw new CredentialHelperError(
      `${context.token} holds ${matching.length} private keys${wanted}: ${uris(matching)}`,
      {
        code: 'ERR_KEY_AMBIGUOUS',
        hint: 'name one by its label, or by its id where labels repeat',
      },
    );
  }
  throw new CredentialHelperError(
    `${context.token} holds no private key${wanted}; there: ${keys.length === 0 ? 'none' : uris(keys)}`,
    { code: 'ERR_KEY_NOT_FOUND', hint: 'check the label; labels are compared letter by letter' },
  );

  function keyAttributes({ label, id }: { label: string; id: Buffer }): Pkcs11Uri {
    const { token: tokenLabel, serial } = token.attributes;
    return {
      token: tokenLabel,
      ...(serial ? { serial } : {}),
      ...(label === '' ? {} : { object: label }),
      ...(id.length === 0 ? {} : { id }),
      type: 'private',
    };
  }
}

function list(uris: readonly string[]): string {
  return [...uris].sort().join(', ');
}
