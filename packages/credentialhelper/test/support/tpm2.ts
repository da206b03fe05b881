import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** Where Debian puts tpm2-pkcs11. */
export const TPM2_LIBRARY = '/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so';

const SCRIPT = fileURLToPath(new URL('../../../../examples/tpm2/software-tpm.sh', import.meta.url));

/** Starts a TPM in software for this process and its children, with one token. It stops after the tests. */
export function startTpm2(label: string, pin: string): void {
  const folder = join(temporaryFolder(), 'tpm2');
  execFileSync(SCRIPT, ['start', folder], { stdio: 'pipe' });
  afterAll(() => {
    execFileSync(SCRIPT, ['stop', folder], { stdio: 'pipe' });
  });
  for (const [, name = '', value] of readFileSync(join(folder, 'environment'), 'utf8').matchAll(
    /^export (\w+)=(.*)$/gm,
  )) {
    process.env[name] = value;
  }
  const ptool = (...args: string[]) => execFileSync('tpm2_ptool', args, { stdio: 'pipe' });
  ptool('init');
  ptool('addtoken', '--pid=1', `--label=${label}`, '--sopin=12345678', `--userpin=${pin}`);
}
