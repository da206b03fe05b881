import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAIN } from '../support/cli.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const { keyFile } = makeSelfSigned(folder, 'device');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: keyFile });
writeFileSync(join(folder, 'pin'), `${PIN}\n`, { mode: 0o600 });

describe('the PIN of a token command', () => {
  it.each([
    ['an open file descriptor', 'fd:5', '5<pin'],
    ['standard input', 'fd:0', '<pin'],
    ['an environment variable', 'env:THE_PIN', ''],
    ['a file', 'file:pin', ''],
  ])('comes from %s', (_name, source, redirection) => {
    const uri = `pkcs11:token=the-token;object=key?module-path=${SOFTHSM_LIBRARY}&pin-source=${source}`;
    const command = `'${process.execPath}' '${MAIN}' token verify --uri '${uri}' ${redirection}`;
    const env = { ...process.env, THE_PIN: PIN };
    // `file:` URLs have absolute paths (RFC 8089).
    const script = command.replace('file:pin', `file:${join(folder, 'pin')}`);
    const printed = execFileSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8', env });
    expect(printed).toContain(
      'the key can be used for TLS client authentication with TLS 1.2 and 1.3',
    );
    expect(printed).not.toContain(PIN);
  });
});
