import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSession, type Pkcs11Options } from 'awsiot-credentialhelper';
import type { TlsIdentityOptions } from 'awsiot-credentialhelper/tls';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { errorOf } from '../support/errors.ts';
import { type KeyType, makeSelfSigned, openssl } from '../support/openssl.ts';
import { plantSecret } from '../support/secrets.ts';
import { startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { makeFolder } from '../support/token.ts';
import { sessionRows, startTlsServers } from '../support/token-sessions.ts';

const NSS_LIBRARY = '/usr/lib/x86_64-linux-gnu/libsoftokn3.so';
const TOKEN = 'NSS Certificate DB';
/** OpenSC's: it logs each call, and forwards it to another library. */
const SPY_LIBRARY = '/usr/lib/x86_64-linux-gnu/pkcs11-spy.so';

const folder = temporaryFolder();
// For the folders with records of rejected PINs.
startSoftHsm();

interface Database {
  readonly path: string;
  readonly pinFile: string;
  readonly libraryParameters: string;
}

/** Creates a database with NSS's own tool. */
function makeDatabase(name: string, pin: string, moreParameters = ''): Database {
  const path = makeFolder(folder, name);
  const pinFile = `${folder}/${name}.pin`;
  writeFileSync(pinFile, `${plantSecret(pin)}\n`, { mode: 0o600 });
  execFileSync('certutil', ['-N', '-d', `sql:${path}`, '-f', pinFile]);
  return { path, pinFile, libraryParameters: `configdir='sql:${path}'${moreParameters}` };
}

const database = makeDatabase(
  'database',
  'the pin of one database',
  " certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
);
const other = makeDatabase('other', 'the pin of another');

function target({ libraryParameters, pinFile }: Database, library = NSS_LIBRARY) {
  const token = ['--library-parameters', libraryParameters, '--token-label', TOKEN];
  return ['--module', library, ...token, '--pin-file', pinFile];
}

const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = Object.fromEntries(
  KEYS.map((keyType) => [keyType, makeSelfSigned(folder, keyType.replace(' ', '-'), keyType)]),
) as Record<(typeof KEYS)[number], ReturnType<typeof makeSelfSigned>>;
for (const keyType of KEYS) {
  const { keyFile, certificateFile } = devices[keyType];
  const files = ['--key', keyFile, '--certificate', certificateFile];
  await runJson(['token', 'import', ...target(database), '--label', keyType, ...files]);
}

const connect = await startTlsServers(folder);
const inDatabase = (
  { libraryParameters, pinFile }: Database,
  privateKeyLabel: string,
): Pkcs11Options => ({
  library: NSS_LIBRARY,
  libraryParameters,
  userPin: { file: pinFile },
  tokenLabel: TOKEN,
  privateKeyLabel,
});

/** The error of a session before any network access. */
function sessionError(pkcs11: Pkcs11Options, isolate: boolean) {
  const { certificateFile: certificate } = devices['EC P-256'];
  const server = {
    endpoint: 'localhost:1',
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    maxWaitMs: 0,
  };
  return errorOf(() =>
    createSession({ ...server, certificate, pkcs11: { ...pkcs11, isolate } }).credentials(),
  );
}

/** Opens an identity, then another in a worker thread and once more: the code of each error, or `opened`. */
function openTwo(...options: readonly [TlsIdentityOptions, TlsIdentityOptions]): unknown {
  const program = fileURLToPath(new URL('../support/two-databases.mjs', import.meta.url));
  const args = options.map((one) => JSON.stringify(one));
  return JSON.parse(execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' }));
}

describe("NSS's softokn", () => {
  it.each(sessionRows(KEYS))(
    'opens a session: $keyType, $version, isolate $isolate',
    async (row) => {
      const { certificateFile } = devices[row.keyType as (typeof KEYS)[number]];
      await connect(row, certificateFile, inDatabase(database, row.keyType));
    },
  );

  it.each(KEYS)('creates TLS 1.2 and 1.3 handshakes with an imported key: %s', async (label) => {
    const args = ['token', 'verify', ...target(database), '--label', label];
    expect(await runJson(args)).toMatchObject({ ok: true, belongs: true, tls: ['1.2', '1.3'] });
  });

  it.each(KEYS)("uses a key that NSS's own tool imported: %s", async (keyType) => {
    const { keyFile, certificateFile } = devices[keyType];
    const bundle = `${folder}/${keyType}.p12`;
    const pair = ['-inkey', keyFile, '-in', certificateFile, '-name', `p12 ${keyType}`];
    openssl('pkcs12', '-export', ...pair, '-passout', 'pass:of-the-file', '-out', bundle);
    const pins = ['-k', other.pinFile, '-W', 'of-the-file'];
    execFileSync('pk12util', ['-i', bundle, '-d', `sql:${other.path}`, ...pins], { stdio: 'pipe' });
    const args = ['token', 'verify', ...target(other), '--label', `p12 ${keyType}`];
    expect(await runJson(args)).toMatchObject({ ok: true, belongs: true, tls: ['1.2', '1.3'] });
  });

  it("shows what it has imported to NSS's own tool", () => {
    const options = ['-d', `sql:${database.path}`, '-f', database.pinFile];
    const keys = execFileSync('certutil', ['-K', ...options], { stdio: 'pipe' }).toString();
    expect(keys).toMatch(/> ec +[0-9a-f]{40} +EC P-256\n/);
    expect(keys).toMatch(/> rsa +[0-9a-f]{40} +RSA 2048\n/);
  });

  it('lists its two tokens, and the keys after a login', async () => {
    const named = ['--module', NSS_LIBRARY, '--library-parameters', database.libraryParameters];
    const { stdout } = await run(['token', 'list', ...named]);
    expect(stdout).toContain('slot 1: token "NSS Generic Crypto Services"\n');
    expect(stdout).toContain(`slot 2: token "${TOKEN}"; use --login to list private objects\n`);
    expect(stdout).not.toContain('private key');
    const { stdout: afterLogin } = await run(['token', 'list', ...target(database)]);
    expect(afterLogin).toMatch(/private key "EC P-256" id [0-9a-f]{40}: EC P-256\n/);
    expect(afterLogin).toMatch(/private key "RSA 2048" id [0-9a-f]{40}: RSA 2048\n/);
  });

  it('opens sessions with two databases in one process, each in a separate child process', async () => {
    const { keyFile, certificateFile } = makeSelfSigned(folder, 'in-other');
    const files = ['--key', keyFile, '--certificate', certificateFile];
    await runJson(['token', 'import', ...target(other), '--label', 'in other', ...files]);
    const row = { version: 'TLSv1.3', isolate: true } as const;
    await connect(row, devices['EC P-256'].certificateFile, inDatabase(database, 'EC P-256'));
    await connect(row, certificateFile, inDatabase(other, 'in other'));
  });

  it('is one library in a process, whose parameters cannot change', async () => {
    const row = { version: 'TLSv1.3', isolate: false } as const;
    await connect(row, devices['EC P-256'].certificateFile, inDatabase(database, 'EC P-256'));
    const error = await sessionError(inDatabase(other, 'EC P-256'), false);
    expect(error.code).toBe('ERR_PKCS11_LIBRARY');
    expect(error.message).toContain('perhaps with other parameters');
    expect(error.hint).toContain('leave "pkcs11.isolate" at its default');
  });

  it.each(['by one path', 'by two paths'])(
    'never gives a PIN to another database of the process, the library named %s',
    async (paths) => {
      const link = `${folder}/${paths.replaceAll(' ', '-')}.so`;
      symlinkSync(NSS_LIBRARY, link);
      const library = paths === 'by two paths' ? link : NSS_LIBRARY;
      const { certificateFile } = makeSelfSigned(folder, 'of-nobody');
      expect(
        openTwo(
          {
            certificate: devices['EC P-256'].certificateFile,
            pkcs11: inDatabase(database, 'EC P-256'),
          },
          {
            certificate: certificateFile,
            pkcs11: { ...inDatabase(other, 'of nobody'), library },
          },
        ),
      ).toEqual(['opened', 'ERR_PKCS11_LIBRARY', 'ERR_PKCS11_LIBRARY']);
      expect((await run(['token', 'list', ...target(other)])).status).toBe(0);
    },
  );

  it('is not erased by "token init", which NSS does without the right SO PIN', async () => {
    const args = ['--slot-id', '2', '--label', 'new', '--pin-file', other.pinFile, '--yes'];
    const module = ['--module', NSS_LIBRARY, '--library-parameters', database.libraryParameters];
    const so = ['--so-pin-file', other.pinFile];
    const { status, stderr } = await run(['token', 'init', ...module, ...args, ...so]);
    expect(status).toBe(1);
    expect(stderr).toContain('holds an NSS database, and NSS would erase it with any SO PIN');
    expect(stderr).toContain("hint: create a database with NSS's own tool: certutil -N -d sql:DIR");
    const verify = ['token', 'verify', ...target(database), '--label', 'EC P-256'];
    expect(await runJson(verify)).toMatchObject({ ok: true, belongs: true });
  });

  it('is not kept with rejected parameters', async () => {
    const refused = { ...database, libraryParameters: "configdir='sql:/no/such/folder'" };
    expect((await sessionError(inDatabase(refused, 'EC P-256'), true)).hint).toMatch(/^NSS: name/);
    const { certificateFile: certificate } = devices['EC P-256'];
    expect(
      openTwo(
        { certificate, pkcs11: inDatabase(refused, 'EC P-256') },
        { certificate, pkcs11: inDatabase(database, 'EC P-256') },
      ),
    ).toEqual(['ERR_PKCS11', 'opened', 'ERR_PKCS11_LIBRARY']);
  });

  it('reports a missing database', async () => {
    const [, , , , ...named] = target(database);
    const args = ['--module', NSS_LIBRARY, ...named, '--label', 'EC P-256'];
    const { status, stderr } = await run(['token', 'verify', ...args]);
    expect(stderr).toMatch(/hint: NSS: .*--library-parameters/);
    expect(status).toBe(1);
    const { libraryParameters: _, ...without } = inDatabase(database, 'EC P-256');
    for (const parameters of [{}, { libraryParameters: "configdir=''" }]) {
      const error = await sessionError({ ...without, ...parameters }, false);
      expect(error.code).toBe('ERR_PKCS11_LIBRARY');
      expect(error.message).toBe(`the PKCS#11 library ${NSS_LIBRARY} needs the name of a database`);
      expect(error.hint).toMatch(/^NSS: .*"libraryParameters"/);
    }
  });

  it('has databases with the same serial number: a PIN rejected by one is correct for the other', async () => {
    const wrong = { ...inDatabase(other, 'in other'), userPin: { file: database.pinFile } };
    const first = await sessionError(wrong, true);
    expect(first.code).toBe('ERR_PIN_INCORRECT');
    expect(first.message).toMatch(/^C_Login returned CKR_PIN_INCORRECT/);
    expect((await sessionError(wrong, true)).message).toContain('so it was not tried again');
    for (const one of [database, other]) {
      expect((await run(['token', 'list', ...target(one)])).status).toBe(0);
    }
  });

  it('sees a wrong PIN once, and the same one once for another database', async () => {
    const pinFile = `${folder}/wrong.pin`;
    writeFileSync(pinFile, `${plantSecret('wrong for both')}\n`, { mode: 0o600 });
    const log = `${folder}/calls`;
    const env = { PKCS11SPY: NSS_LIBRARY, PKCS11SPY_OUTPUT: log };
    const logins = () => readFileSync(log, 'utf8').match(/^\d+: C_Login$/gm)?.length;
    for (const [index, one] of [database, other].entries()) {
      const args = target({ ...one, pinFile }, SPY_LIBRARY);
      for (const message of [/C_Login returned CKR_PIN_INCORRECT/, /not tried again/]) {
        expect((await run(['token', 'list', ...args], { env })).stderr).toMatch(message);
        expect(logins()).toBe(index + 1);
      }
    }
  });
});
