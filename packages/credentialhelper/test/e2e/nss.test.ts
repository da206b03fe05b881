import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createSession } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { errorOf } from '../support/errors.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { makeFolder } from '../support/token.ts';

const NSS_LIBRARY = '/usr/lib/x86_64-linux-gnu/libsoftokn3.so';
const TOKEN = 'NSS Certificate DB';

const folder = temporaryFolder();
// For the folders that remember rejected PINs.
startSoftHsm();
const pinFile = `${folder}/pin`;
writeFileSync(pinFile, '12345678\n', { mode: 0o600 });

/** Makes a database, and gives the library's parameters for it. */
function makeDatabase(name: string): string {
  const path = makeFolder(folder, name);
  execFileSync('certutil', ['-N', '-d', `sql:${path}`, '-f', pinFile]);
  return `configdir='sql:${path}'`;
}

const libraryParameters = makeDatabase('database');
const target = (parameters: string) => [
  ...['--module', NSS_LIBRARY, '--library-parameters', parameters],
  ...['--token-label', TOKEN, '--pin-file', pinFile],
];

const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = await Promise.all(
  KEYS.map(async (keyType, index) => ({
    keyType,
    ...makeSelfSigned(folder, `device-${index}`, keyType),
  })),
);
for (const { keyType, keyFile, certificateFile } of devices) {
  const files = ['--key', keyFile, '--certificate', certificateFile];
  await runJson(['token', 'import', ...target(libraryParameters), '--label', keyType, ...files]);
}

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const servers = await Promise.all(
  VERSIONS.map(async (version) => {
    const server = await startRawServer(folder, { minVersion: version, maxVersion: version });
    server.behave = json({ credentials });
    return server;
  }),
);

const rows = devices.flatMap((device) =>
  servers.flatMap((server, index) =>
    [true, false].map((isolate) => ({ ...device, server, version: VERSIONS[index], isolate })),
  ),
);

describe("NSS's softokn", () => {
  it.each(rows)('serves a session: $keyType, $version, isolate $isolate', async (row) => {
    const session = createSession({
      endpoint: row.server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: row.certificateFile,
      ca: row.server.caFile,
      isolate: row.isolate,
      pkcs11: {
        library: NSS_LIBRARY,
        libraryParameters,
        userPin: { file: pinFile },
        tokenLabel: TOKEN,
        privateKeyLabel: row.keyType,
      },
    });
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it.each(KEYS)('makes TLS 1.2 and 1.3 handshakes with an %s key', async (label) => {
    const args = ['token', 'verify', ...target(libraryParameters), '--label', label];
    expect(await runJson(args)).toMatchObject({ ok: true, belongs: true, tls: ['1.2', '1.3'] });
  });

  it('is one library in a process, whose parameters cannot change', async () => {
    const other = { library: NSS_LIBRARY, libraryParameters: 'configdir=/other' };
    const session = createSession({
      endpoint: 'localhost:1',
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      certificate: devices[0]?.certificateFile ?? '',
      isolate: false,
      pkcs11: { ...other, userPin: { file: pinFile }, tokenLabel: TOKEN },
    });
    const error = await errorOf(() => session.credentials());
    expect(error.code).toBe('ERR_PKCS11_LIBRARY');
    expect(error.message).toContain('with other parameters already');
  });

  it('says what it lacks without parameters', async () => {
    const { status, stderr } = await run(['token', 'list', '--module', NSS_LIBRARY]);
    expect(stderr).toMatch(/C_Initialize returned CKR_\w+.*\n.*hint: NSS: .*--library-parameters/);
    expect(status).toBe(1);
  });

  it('has databases with one serial number, of which each may reject a PIN once', async () => {
    const wrong = `${folder}/wrong-pin`;
    writeFileSync(wrong, 'wrong-for-nss\n', { mode: 0o600 });
    for (const parameters of [libraryParameters, makeDatabase('other-database')]) {
      const args = ['token', 'list', ...target(parameters).slice(0, -1), wrong];
      expect((await run(args)).stderr).toMatch(/C_Login returned CKR_PIN_INCORRECT/);
      expect((await run(args)).stderr).toMatch(/not tried again/);
    }
  });
});
