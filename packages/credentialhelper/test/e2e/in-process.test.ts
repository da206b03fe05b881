import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { leavesNothingBehind, runProgram } from '../support/programs.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = KEYS.map((keyType, index) => {
  const device = makeSelfSigned(folder, `device-${index}`, keyType);
  const { keyFile, certificateFile } = device;
  softHsm.importKey({ token: 'the-token', label: keyType, id: `0${index + 1}`, file: keyFile });
  const { fingerprint256 } = new X509Certificate(readFileSync(certificateFile));
  return { keyType, certificateFile, fingerprint256 };
});
const server = await startRawServer(folder, { minVersion: 'TLSv1.3' });
// The session token contains the certificate that the server saw.
server.behave = (socket) => {
  const { fingerprint256 } = socket.getPeerCertificate();
  const device = devices.find((one) => one.fingerprint256 === fingerprint256);
  json({ credentials: { ...credentials, sessionToken: device?.certificateFile ?? 'nobody' } })(
    socket,
  );
};

const sessions = devices.map(({ keyType, certificateFile }) => ({
  endpoint: server.endpoint,
  region: 'eu-west-1',
  roleAlias: 'the-alias',
  maxWaitMs: 0,
  certificate: certificateFile,
  ca: server.caFile,
  timeoutMs: 60_000,
  pkcs11: {
    isolate: false,
    library: SOFTHSM_LIBRARY,
    userPin: PIN,
    tokenLabel: 'the-token',
    privateKeyLabel: keyType,
  },
}));

describe('a key in a token, used in the calling process', () => {
  // tls-identity.test.ts has the same for handshakes, which are the larger part of it, each time.
  it.runIf(process.env.LONG_TESTS)(
    'leaks nothing after 2000 requests',
    async () => {
      const times = { warmUp: 1000, count: 2000 };
      await leavesNothingBehind('exchange-loop.mjs', [JSON.stringify(sessions)], times);
    },
    180_000,
  );

  it('serves worker threads and the main thread at once, without effect on other keys', async () => {
    const result = await runProgram('threads.mjs', [JSON.stringify(sessions)]);
    expect(JSON.parse(result)).toEqual({
      workers: [20, 20, 20],
      main: 20,
      afterwards: 20,
      keys: true,
      wrong: 0,
    });
  }, 120_000);
});
