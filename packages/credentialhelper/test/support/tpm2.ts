import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** The path of tpm2-pkcs11 in Debian. */
export const TPM2_LIBRARY = '/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so';

const SCRIPT = fileURLToPath(new URL('../../../../examples/tpm2/software-tpm.sh', import.meta.url));

const started: string[] = [];

// Registered here: within a test it would be too late.
afterAll(() => {
  for (const folder of started) execFileSync(SCRIPT, ['stop', folder], { stdio: 'pipe' });
});

/** Starts a software TPM for this process and its children, without any token. It stops after the tests. */
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
