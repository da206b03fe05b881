import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOFTHSM_LIBRARY } from './softhsm.ts';

const SOURCE = fileURLToPath(new URL('./faulty-module.c', import.meta.url));

/** The faults of {@link buildFaultyModule}, set with the environment variable `FAULT`. */
export type Fault =
  | 'crash'
  | 'hang'
  | 'no-import'
  | 'half-made'
  | 'never-made'
  | 'second-object'
  | 'third-object'
  | 'bad-signature'
  | 'no-pss'
  | 'no-pss-but-raw'
  | 'crash-at-exit'
  | 'no-sign'
  | 'no-such-curve'
  | 'new-pin-refused'
  | 'locked'
  | 'last-try'
  | 'openssl-error'
  | 'pin-pad'
  | 'no-login'
  | 'no-slots'
  | 'other-slots-fail'
  | 'close-error'
  | 'never-closes'
  | 'second-session-crash'
  | 'initialize-error'
  | 'login-hang'
  | 'login-print'
  | 'login-print-much'
  | 'login-slow'
  | 'locks-at-once'
  | 'sign-crash'
  | 'sign-hang'
  | 'sign-slow'
  | 'vendor-error';

/** Builds a PKCS#11 module, SoftHSM with optional faults, and returns its path. */
export function buildFaultyModule(folder: string): string {
  const target = join(folder, 'libfaulty.so');
  execFileSync(
    'cc',
    [
      '-shared',
      '-fPIC',
      '-I/usr/include/p11-kit-1',
      `-DSOFTHSM="${SOFTHSM_LIBRARY}"`,
      SOURCE,
      '-o',
      target,
      '-ldl',
    ],
    { stdio: 'pipe' },
  );
  return target;
}
