import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Run, run, runJson } from '../support/cli.ts';
import {
  canHideOpencryptoki,
  hasCurves,
  hideOpencryptoki,
  OPENCRYPTOKI_LIBRARY,
  startOpencryptoki,
  tokenFlags,
} from '../support/opencryptoki.ts';
import { type KeyType, makeSelfSigned, openssl } from '../support/openssl.ts';
import { plantSecret } from '../support/secrets.ts';
import { startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sessionRows, startTlsServers } from '../support/token-sessions.ts';

const MODULE = ['--module', OPENCRYPTOKI_LIBRARY];
const TOKEN = 'the-token';
const FACTORY_SO_PIN = '87654321';

const folder = temporaryFolder();
// For the folders with records of rejected PINs.
startSoftHsm();

function pinFile(name: string, pin: string): string {
  const file = `${folder}/${name}`;
  writeFileSync(file, `${pin}\n`, { mode: 0o600 });
  return file;
}

const userPin = pinFile('pin', plantSecret('71625344'));
const target = (pin: string) => [...MODULE, '--token-label', TOKEN, '--pin-file', pin];
const connect = await startTlsServers(folder);

const keyTypes: readonly KeyType[] = ['RSA 2048', ...(hasCurves() ? ['EC P-256' as const] : [])];
const devices = new Map(
  keyTypes.map((keyType) => [keyType, makeSelfSigned(folder, keyType.replace(' ', '-'), keyType)]),
);

describe.skipIf(!canHideOpencryptoki())("opencryptoki's software token", () => {
  let withoutDaemon: Run;
  const inits: Run[] = [];

  beforeAll(async () => {
    hideOpencryptoki();
    withoutDaemon = await run(['token', 'list', ...MODULE]);
    await startOpencryptoki();
    const wrong = pinFile('wrong-so-pin', plantSecret('11223344'));
    for (const soPin of [wrong, wrong, pinFile('so-pin', FACTORY_SO_PIN)]) {
      const pins = ['--pin-file', userPin, '--so-pin-file', soPin];
      inits.push(await run(['token', 'init', ...MODULE, '--label', TOKEN, ...pins]));
    }
    for (const [keyType, { keyFile, certificateFile }] of devices) {
      const files = ['--key', keyFile, '--certificate', certificateFile];
      await runJson(['token', 'import', ...target(userPin), '--label', keyType, ...files]);
    }
  });

  it('reports a missing daemon', () => {
    expect(withoutDaemon.stderr).toMatch(
      /C_Initialize returned CKR_FUNCTION_FAILED.*\n.*hint: .*is its daemon running \(pkcsslotd\)/,
    );
    expect(withoutDaemon.status).toBe(1);
  });

  it('is initialized with the factory default SO PIN; a wrong one is tried once', () => {
    const [first, second, third] = inits;
    expect(first?.stderr).toMatch(/C_InitToken returned CKR_PIN_INCORRECT/);
    expect(second?.stderr).toMatch(/rejected this PIN on .* so it was not tried again/);
    for (const refused of [first, second]) {
      expect(refused?.stderr).toMatch(/the factory default of opencryptoki: 87654321/);
    }
    expect(third).toMatchObject({ status: 0, stderr: '' });
    expect(tokenFlags()).toEqual(
      expect.arrayContaining(['TOKEN_INITIALIZED', 'USER_PIN_INITIALIZED']),
    );
  });

  it.each(sessionRows(keyTypes))(
    'opens a session: $keyType, $version, isolate $isolate',
    async (row) => {
      await connect(row, devices.get(row.keyType)?.certificateFile ?? '', {
        library: OPENCRYPTOKI_LIBRARY,
        userPin: { file: userPin },
        tokenLabel: TOKEN,
        privateKeyLabel: row.keyType,
      });
    },
  );

  it.each(keyTypes)(
    'creates TLS 1.2 and 1.3 handshakes with an imported key: %s',
    async (label) => {
      const args = ['token', 'verify', ...target(userPin), '--label', label];
      expect(await runJson(args)).toMatchObject({ ok: true, belongs: true, tls: ['1.2', '1.3'] });
    },
  );

  it('creates a key pair, and TLS 1.2 and 1.3 handshakes with it', async () => {
    const key = [...target(userPin), '--label', 'generated'];
    const request = `${folder}/generated.csr`;
    await runJson(['token', 'generate', ...key, '--key-type', 'rsa2048', '--csr', request]);
    openssl('req', '-in', request, '-verify', '-noout');
    expect(await runJson(['token', 'verify', ...key])).toMatchObject({
      ok: true,
      tls: ['1.2', '1.3'],
    });
  });

  it('sees one login of six processes with one wrong PIN, and then accepts the correct one', async () => {
    const args = ['token', 'list', ...target(pinFile('wrong-pin', plantSecret('55667788')))];
    const runs = await Promise.all(Array.from({ length: 6 }, () => run(args)));
    const notTried = runs.filter(({ stderr }) => stderr.includes('so it was not tried again'));
    expect(runs.map(({ stderr }) => stderr)).toEqual(
      Array(6).fill(expect.stringMatching(/C_Login returned CKR_PIN_INCORRECT/)),
    );
    expect(notTried).toHaveLength(5);
    // After two it would be USER_PIN_FINAL_TRY, after three USER_PIN_LOCKED.
    expect(tokenFlags()).toContain('USER_PIN_COUNT_LOW');
    await runJson(['token', 'list', ...target(userPin)]);
    expect(tokenFlags()).not.toContain('USER_PIN_COUNT_LOW');
  });

  it('shows the certificates that were imported to pkcs11-tool', () => {
    const args = [...MODULE, '--token-label', TOKEN, '--list-objects', '--type', 'cert'];
    const shown = execFileSync('pkcs11-tool', args, { stdio: 'pipe' }).toString();
    for (const keyType of keyTypes) expect(shown).toContain(`label:      ${keyType}\n`);
  });
});
