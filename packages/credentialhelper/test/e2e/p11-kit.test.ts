import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createSession } from 'awsiot-credentialhelper';
import { afterAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CLIENT_LIBRARY = '/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const device = makeSelfSigned(folder, 'device', 'RSA 2048');
softHsm.initToken('far-token');
softHsm.importKey({ token: 'far-token', label: 'key', id: '01', file: device.keyFile });

// p11-kit's server holds the token; this process and its children reach it through a socket.
const remote = spawn(
  'p11-kit',
  [
    'server',
    '--foreground',
    '--provider',
    SOFTHSM_LIBRARY,
    '--name',
    join(folder, 'socket'),
    'pkcs11:token=far-token',
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
afterAll(() => {
  remote.kill();
});
for await (const line of createInterface(remote.stdout)) {
  const address = /^P11_KIT_SERVER_ADDRESS=([^;]+)/.exec(line)?.[1];
  if (address === undefined) continue;
  process.env.P11_KIT_SERVER_ADDRESS = address;
  break;
}
// The client must not see the token in another way.
delete process.env.SOFTHSM2_CONF;

describe('a token behind a socket (p11-kit remoting)', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('serves a session over %s', async (version) => {
    const server = await startRawServer(folder, { minVersion: version, maxVersion: version });
    server.behave = json({ credentials });
    const session = createSession({
      endpoint: server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: device.certificateFile,
      ca: server.caFile,
      pkcs11: {
        library: CLIENT_LIBRARY,
        userPin: PIN,
        tokenLabel: 'far-token',
        privateKeyLabel: 'key',
      },
    });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });
});
