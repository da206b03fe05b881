import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

/** The paths of the library in Debian and other distributions. */
export const SOFTHSM_LIBRARY = '/usr/lib/softhsm/libsofthsm2.so';

/** A PIN with characters that are special in URIs and shells. */
export const PIN = 'p:1?n&ü%;=/';

/** SoftHSM tokens in a separate folder, deleted after the tests. */
export interface SoftHsm {
  /** Creates a token. */
  initToken(label: string, pin?: string): void;
  /** Imports a private key (PKCS#8 PEM file) with its public key into a token. */
  importKey(key: { token: string; label: string; id: string; file: string; pin?: string }): void;
}

/** Sets up SoftHSM for this process and its children: the library finds its tokens with `SOFTHSM2_CONF`. */
export function startSoftHsm(): SoftHsm {
  const folder = temporaryFolder();
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  // The folder with records of rejected PINs.
  process.env.XDG_STATE_HOME = join(folder, 'state');
  process.env.XDG_RUNTIME_DIR = join(folder, 'runtime');
  mkdirSync(process.env.XDG_RUNTIME_DIR, { mode: 0o700 });
  const run = (...args: string[]) => execFileSync('softhsm2-util', args, { stdio: 'pipe' });
  return {
    initToken(label, pin = PIN) {
      run('--init-token', '--free', '--label', label, '--so-pin', '12345678', '--pin', pin);
    },
    importKey({ token, label, id, file, pin = PIN }) {
      run('--import', file, '--token', token, '--label', label, '--id', id, '--pin', pin);
    },
  };
}
