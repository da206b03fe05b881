import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

/** Where Debian and others put the library. */
export const SOFTHSM_LIBRARY = '/usr/lib/softhsm/libsofthsm2.so';

/** A PIN with the characters that URIs, shells and careless tools stumble over. */
export const PIN = 'p:1?n&ü%;=/';

/** Tokens of SoftHSM in a folder of their own, removed after the tests. */
export interface SoftHsm {
  /** Makes a token. */
  initToken(label: string, pin?: string): void;
  /** Puts a private key (PKCS#8 PEM file) with its public key into a token. */
  importKey(key: { token: string; label: string; id: string; file: string; pin?: string }): void;
}

/** Sets up SoftHSM for this process and its children: the library finds its tokens by `SOFTHSM2_CONF`. */
export function startSoftHsm(): SoftHsm {
  const folder = temporaryFolder();
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  // Where rejected PINs are remembered.
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
