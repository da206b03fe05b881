import { CredentialHelperError } from '../errors.ts';
import { formatPkcs11Uri } from '../identity/pkcs11-uri.ts';
import { CKO } from '../pkcs11/constants.ts';
import type { KeyName } from './key-objects.ts';
import { findAll } from './objects.ts';
import type { TokenSession } from './session.ts';

/**
 * Checks that no private key in the token has this label, and no object this id.
 *
 * @throws {@link CredentialHelperError} `ERR_OBJECT_EXISTS`
 */
export function assertNameIsFree(session: TokenSession, { label, id }: KeyName): void {
  const token = session.token.attributes.token;
  const sameLabel = findAll(session, { CKA_CLASS: CKO.PRIVATE_KEY, CKA_LABEL: label });
  if (sameLabel.length > 0) {
    throw new CredentialHelperError(
      `${session.context.token} already holds a private key with the label "${label}": ${formatPkcs11Uri({ token, object: label, type: 'private' })}`,
      { code: 'ERR_OBJECT_EXISTS', hint: 'choose another label; nothing was written' },
    );
  }
  if (findAll(session, { CKA_ID: id }).length > 0) {
    throw new CredentialHelperError(
      `${session.context.token} already holds an object with the id ${id.toString('hex')}: ${formatPkcs11Uri({ token, id })}`,
      {
        code: 'ERR_OBJECT_EXISTS',
        hint: 'the token may hold the same key under another label ("token list" shows it); --id sets another id; nothing was written',
      },
    );
  }
}
