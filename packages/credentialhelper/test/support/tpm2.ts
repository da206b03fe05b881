import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** Where Debian puts tpm2-pkcs11. */
export const TPM2_LIBRARY = '/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so';

const SCRIPT = fileURLToPath(new URL('../../../../examples/tpm2/software-tpm.sh', import.meta.url));

const started: string[] = [];

// Here and not where a TPM is started: within a test it would be too late to register it.
afterAll(() => {
  for (const folder of started) execFileSync(SCRIPT, ['stop', folder], { stdio: 'pipe' });
});

/** Starts a TPM in software for this process and its children, without any token yet. It stops after the tests. */
export function startTpm2(): void {
  const folder = join(temporaryFolder(), 'tpm2');
  execFileSync(SCRIPT, ['start', folder], { stdio: 'pipe' });
  started.push(folder);
  for (const [, name = '', value] of readFileSync(join(folder, 'environment'), 'utf8').matchAll(
    /^export (\w+)=(.*)$/gm,
  )) {
    process.env[name] = value;
  }
}
