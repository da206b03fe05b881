import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Format } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const device = makeSelfSigned(folder, 'device', 'EC P-256');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });
const server = await startRawServer(folder);
server.behave = json({ credentials });
// What is left out of the bundle is found as in an application.
const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
symlinkSync(modules, join(folder, 'node_modules'));

describe.each<Format>(['esm', 'cjs'])('in a bundle (%s)', (format) => {
  const run = async (options: object): Promise<string> => {
    const base = {
      endpoint: server.endpoint,
      roleAlias: 'the-alias',
      certificate: device.certificateFile,
      ca: server.caFile,
      ...options,
    };
    const entry = join(folder, 'entry.js');
    const outfile = join(folder, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs');
    writeFileSync(
      entry,
      `import { fromIotCore } from 'awsiot-credentialhelper';
       fromIotCore(${JSON.stringify(base)})().then(
         ({ accessKeyId }) => console.log(accessKeyId),
         ({ code, hint }) => console.log(code, hint),
       );`,
    );
    await build({
      entryPoints: [entry],
      outfile,
      format,
      bundle: true,
      platform: 'node',
      external: ['koffi'],
      logLevel: 'error',
    });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile]);
    return stdout.trim();
  };
  const pkcs11 = {
    library: SOFTHSM_LIBRARY,
    userPin: PIN,
    tokenLabel: 'the-token',
    privateKeyLabel: 'key',
  };

  it('a session with a key from a file works', async () => {
    expect(await run({ privateKey: device.keyFile })).toBe(credentials.accessKeyId);
  });

  it('one with a key in a token works without isolation, and says so', async () => {
    expect(await run({ pkcs11, isolate: false })).toBe(credentials.accessKeyId);
    expect(await run({ pkcs11 })).toMatch(/^ERR_CHILD_PROGRAM .*as external.*"isolate": false/);
  });
});
