import { createSession } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PROXY_LIBRARY = '/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const rows = KEYS.flatMap((keyType, index) => {
  const device = makeSelfSigned(folder, `device-${index}`, keyType);
  const key = { token: 'the-token', label: keyType, id: `0${index + 1}` };
  softHsm.importKey({ ...key, file: device.keyFile });
  const { certificateFile } = device;
  return VERSIONS.flatMap((version) =>
    [true, false].map((isolate) => ({ keyType, certificateFile, version, isolate })),
  );
});

describe("p11-kit's proxy, which shows the tokens of all libraries", () => {
  it.each(rows)('serves a session: $keyType, $version, isolate $isolate', async (row) => {
    const { keyType, certificateFile, version, isolate } = row;
    const server = await startRawServer(folder, { minVersion: version, maxVersion: version });
    server.behave = json({ credentials });
    const session = createSession({
      endpoint: server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: certificateFile,
      ca: server.caFile,
      isolate,
      pkcs11: {
        library: PROXY_LIBRARY,
        userPin: PIN,
        tokenLabel: 'the-token',
        privateKeyLabel: keyType,
      },
    });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });
});
