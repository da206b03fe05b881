import { execFileSync } from 'node:child_process';
import { PIN, SOFTHSM_LIBRARY } from './softhsm.ts';

/** Runs `pkcs11-tool`, the second opinion on tokens, logged in to a SoftHSM token, and returns its output. */
export function pkcs11Tool(token: string, ...args: readonly string[]): Buffer {
  return execFileSync(
    'pkcs11-tool',
    ['--module', SOFTHSM_LIBRARY, '--token-label', token, '--login', '--pin', PIN, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
}
