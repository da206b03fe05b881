import { execFileSync } from 'node:child_process';
import { type Handle, Pkcs11 } from '../../src/pkcs11/pkcs11.ts';
import { findToken } from '../../src/token/slots.ts';
import { pkcs11Tool } from './pkcs11-tool.ts';
import { SOFTHSM_LIBRARY } from './softhsm.ts';

/** Uses another session of this process with a token. */
export async function withSession(
  token: string,
  access: 'read' | 'write',
  use: (pkcs11: Pkcs11, session: Handle) => void,
): Promise<void> {
  const pkcs11 = await Pkcs11.open({ library: SOFTHSM_LIBRARY });
  const { slot } = findToken(pkcs11, { token });
  const session = pkcs11.openSession(slot, access === 'write' ? 6 : 4);
  use(pkcs11, session);
  pkcs11.closeSession(session);
}

/** Logs out of a token: a login is valid for the whole process, and any session can end it. */
export async function logOut(token: string): Promise<void> {
  await withSession(token, 'read', (pkcs11, session) => pkcs11.logout(session));
}

/** Deletes a private key in another process. */
export function deleteKey(token: string, label: string): void {
  pkcs11Tool(token, '--delete-object', '--type', 'privkey', '--label', label);
}

/** Deletes a token in another process. */
export function deleteToken(label: string): void {
  execFileSync('softhsm2-util', ['--delete-token', '--token', label], { stdio: 'pipe' });
}
