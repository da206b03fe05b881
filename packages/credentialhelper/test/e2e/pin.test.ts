import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createSession,
  type FromIotCoreInit,
  type PinSource,
  type Pkcs11Options,
  type Session,
} from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { childrenOfThisProcess } from '../support/processes.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const device = makeSelfSigned(folder, 'device');
const server = await startRawServer(folder);
server.behave = json({ credentials });
softHsm.initToken('the-token');
softHsm.importKey({ token: 'the-token', label: 'key', id: '01', file: device.keyFile });

function optionsWith(userPin: PinSource, more: Partial<Pkcs11Options> = {}) {
  return {
    endpoint: server.endpoint,
    region: 'eu-west-1',
    roleAlias: 'the-alias',
    certificate: device.certificateFile,
    ca: server.caFile,
    pkcs11: { library: SOFTHSM_LIBRARY, userPin, tokenLabel: 'the-token', ...more },
  };
}

/** A check of the source that took long is not repeated at once. */
const expectCredentials = (session: Session) =>
  expect
    .poll(() => session.credentials().then(({ accessKeyId }) => accessKeyId, String), {
      timeout: 10_000,
    })
    .toBe(credentials.accessKeyId);

describe('the PIN', () => {
  it('is read from a file for each login', async () => {
    const file = join(folder, 'pin');
    writeFileSync(file, 'wrong-in-file\n', { mode: 0o600 });
    const session = createSession(optionsWith({ file }));
    expect((await errorOf(() => session.credentials())).code).toBe('ERR_PIN_INCORRECT');
    writeFileSync(file, `${PIN}\n`);
    await expectCredentials(session);
  });

  it('is read from an environment variable for each login', async () => {
    process.env.TEST_CHANGING_PIN = 'wrong-in-variable';
    const session = createSession(optionsWith({ environmentVariable: 'TEST_CHANGING_PIN' }));
    expect((await errorOf(() => session.credentials())).code).toBe('ERR_PIN_INCORRECT');
    process.env.TEST_CHANGING_PIN = PIN;
    await expectCredentials(session);
  });

  it('of a function is requested again for a retry, or a forced refresh', async () => {
    let asked = 0;
    let pin = 'wrong-in-function';
    const session = createSession(
      optionsWith(() => {
        asked++;
        return pin;
      }),
    );
    const error = await errorOf(() => session.credentials());
    expect(Number(error.retryAt) - Date.now()).toBeGreaterThan(25_000);
    for (let call = 0; call < 10; call++) await errorOf(() => session.credentials());
    expect(asked).toBe(1);
    pin = PIN;
    expect((await session.refresh()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it('comes from a slow function', async () => {
    const session = createSession(optionsWith(async () => PIN));
    expect((await session.credentials()).accessKeyId).toBe(credentials.accessKeyId);
  });

  it('comes from an environment variable, which no child process inherits', async () => {
    process.env.TEST_TOKEN_PIN = PIN;
    let environment = '';
    server.behave = (socket) => {
      environment = childrenOfThisProcess()
        .map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8'))
        .join();
      json({ credentials })(socket);
    };
    const session = createSession(optionsWith({ environmentVariable: 'TEST_TOKEN_PIN' }));
    // That of another session does not see it either.
    for (const { credentials: get } of [session, createSession(optionsWith(PIN))]) {
      environment = '';
      await get();
      expect(environment).toContain('SOFTHSM2_CONF=');
      expect(environment).not.toContain('TEST_TOKEN_PIN');
      expect(environment).not.toContain(PIN);
    }
    server.behave = json({ credentials });
  });
});

describe('a rejected PIN', () => {
  /** Requests credentials in a separate process, and returns the code of the error. */
  function runProcess(options: FromIotCoreInit): string {
    const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
    const program = `
      import { createSession } from ${JSON.stringify(library)};
      const session = createSession(${JSON.stringify(options)});
      const error = await session.credentials().catch((error) => error);
      console.log(error.code + ' ' + error.message);`;
    return execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
  }

  it('is not tried again by another process, until its record is deleted', () => {
    const stateFolder = join(folder, 'state');
    const options = optionsWith('wrong-across-processes', { stateFolder });
    expect(runProcess(options)).toMatch(/^ERR_PIN_INCORRECT C_Login returned CKR_PIN_INCORRECT/);
    expect(runProcess(options)).toMatch(
      /^ERR_PIN_INCORRECT token "the-token" in slot \d+ rejected this PIN on .* not tried again/,
    );
    // Another way to name the same token is the same token.
    const uri = `pkcs11:token=the-token;model=SoftHSM%20v2?module-path=${SOFTHSM_LIBRARY}&pin-value=wrong-across-processes`;
    expect(runProcess({ ...options, pkcs11: { uri, stateFolder } })).toContain('not tried again');
    for (const file of readdirSync(stateFolder)) rmSync(join(stateFolder, file));
    expect(runProcess(options)).toMatch(/^ERR_PIN_INCORRECT C_Login returned CKR_PIN_INCORRECT/);
  });

  it('is not tried again without a state folder either', () => {
    const options = optionsWith('wrong-without-state', { stateFolder: null });
    expect(runProcess(options)).toMatch(/^ERR_PIN_INCORRECT C_Login returned/);
    expect(runProcess(options)).toContain('not tried again');
  });
});
