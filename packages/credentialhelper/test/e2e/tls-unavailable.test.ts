import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const device = makeSelfSigned(folder, 'device');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
const server = await startRawServer(folder);
let connections = 0;
server.behave = () => connections++;

const LIBRARY = fileURLToPath(import.meta.resolve('awsiot-credentialhelper'));

/** The error of a session in a runtime that differs in this way. */
async function fetchAfter(change: string): Promise<string> {
  const options = {
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    ca: server.caFile,
    pkcs11: { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: 'the-token', isolate: false },
  };
  const program = `
    import tls from 'node:tls';
    import { syncBuiltinESMExports } from 'node:module';
    const create = tls.createSecureContext;
    ${change}
    syncBuiltinESMExports();
    const { createSession } = await import(${JSON.stringify(LIBRARY)});
    const session = createSession(${JSON.stringify(options)});
    const { code, message } = await session.credentials().catch((error) => error);
    console.log(code + ' ' + message);`;
  const args = ['--input-type=module', '--eval', program];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

describe('a key in a token is rejected before any network access', () => {
  it.each([
    [
      'where OpenSSL is of another version than the runtime says',
      "Object.defineProperty(process.versions, 'openssl', { value: '3.9.9' });",
      /^ERR_TLS_UNAVAILABLE the TLS of this Node\.js \(v[\d.]+\) cannot .* its OpenSSL is 3\.9\.9, and the one found is OpenSSL 3/,
    ],
    [
      'where it is no OpenSSL 3',
      "Object.defineProperty(process.versions, 'openssl', { value: '0.0.0' });",
      /^ERR_TLS_UNAVAILABLE .*its OpenSSL is 0\.0\.0/,
    ],
    [
      'where a SecureContext does not show what is behind it',
      `tls.createSecureContext = (...args) => ({ context: { real: create(...args) } });`,
      /^ERR_TLS_UNAVAILABLE .*does not show the context behind a SecureContext/,
    ],
    [
      'where it shows another context',
      `const other = create();
       tls.createSecureContext = (...args) => { const made = create(...args); return { context: { real: made, _external: other.context._external } }; };`,
      /^ERR_TLS_UNAVAILABLE .*is not the expected one/,
    ],
  ])('%s', async (_name, change, message) => {
    expect(await fetchAfter(change)).toMatch(message);
    expect(connections).toBe(0);
  });
});
