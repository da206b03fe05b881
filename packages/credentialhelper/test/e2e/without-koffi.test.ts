import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { copyWithoutKoffi } from '../support/without-koffi.ts';

const folder = temporaryFolder();
const dist = copyWithoutKoffi(folder);
const device = makeSelfSigned(folder, 'device', 'RSA 2048');
const server = await startRawServer(folder);

/** Requests credentials in a separate process: the test runner finds packages that Node.js does not. */
async function fetch(options: object): Promise<string> {
  const all = {
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    ca: server.caFile,
    ...options,
  };
  const program = `
    import { createSession } from ${JSON.stringify(join(dist, 'index.js'))};
    const session = createSession(${JSON.stringify(all)});
    const told = await session.credentials().then(
      ({ accessKeyId }) => accessKeyId,
      ({ code, hint }) => code + ': ' + hint,
    );
    console.log(told);`;
  return node('--input-type=module', '--eval', program);
}

function node(...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}

describe('if npm omitted optional dependencies', () => {
  it('a session with a key from a file works', async () => {
    server.behave = json({ credentials });
    expect(await fetch({ privateKey: device.keyFile })).toBe(`${credentials.accessKeyId}\n`);
  });

  it.each([true, false])(
    'a key in a token is rejected before any network access (isolate %s)',
    async (isolate) => {
      let connections = 0;
      server.behave = () => connections++;
      const pkcs11 = { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'the-token', isolate };
      expect(await fetch({ pkcs11 })).toMatch(/^ERR_PKCS11_BINDING: npm install koffi/);
      expect(connections).toBe(0);
    },
  );
});
