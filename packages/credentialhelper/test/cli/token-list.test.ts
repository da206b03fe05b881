import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, runJson, runOnTerminal, useTerminal } from '../support/cli.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { PIN, SOFTHSM_LIBRARY } from '../support/softhsm.ts';
import { makeFolder, startTokens } from '../support/token.ts';

interface ListJson {
  readonly modules: readonly {
    readonly path: string;
    readonly foundBy: string;
    readonly library: {
      readonly slots: readonly {
        readonly slotId: number;
        readonly token: {
          readonly label: string;
          readonly uri: string;
          readonly pinPad: boolean;
          readonly pin: string;
          readonly loggedIn: boolean;
          readonly objects: readonly { type: string; label: string; uri: string; detail: string }[];
        } | null;
        readonly problem: string | null;
      }[];
    } | null;
    readonly problem: { readonly code: string | null; readonly message: string } | null;
  }[];
}

const tokens = startTokens();
useTerminal();
const { folder, pinFile } = tokens;
const flags = tokens.flags('list & co; ü');
tokens.flags('second');
const { keyFile, certificateFile } = makeSelfSigned(folder, 'device');
await runJson([
  ...['token', 'import', ...flags, '--label', 'my/key', '--key', keyFile],
  ...['--certificate', certificateFile],
]);
const withoutPin = flags.slice(0, -2);
const library = buildFaultyModule(makeFolder(folder, 'faulty'));
const home = (name: string) => makeFolder(folder, name, '.config/pkcs11/modules');

/** The objects of the only token in a listing. */
function objectsOf({ modules }: ListJson) {
  const [slot, ...more] = modules[0]?.library?.slots ?? [];
  expect(more).toEqual([]);
  return slot?.token?.objects ?? [];
}

describe('token list', () => {
  it('finds the modules of this system, and inspects each but the one with CA certificates', async () => {
    const { modules } = await runJson<ListJson>(['token', 'list']);
    const softHsm = modules.find(({ path }) => path.endsWith('libsofthsm2.so'));
    expect(softHsm?.foundBy).toMatch(/softhsm2\.module$|^well-known path$/);
    expect(softHsm?.library?.slots.map(({ token }) => token?.label)).toEqual(
      expect.arrayContaining(['list & co; ü', 'second', undefined]),
    );
    expect(modules.filter(({ path }) => path.includes('softhsm2'))).toHaveLength(1);
    const trust = modules.find(({ path }) => path.includes('p11-kit-trust'));
    expect(trust?.library ?? null).toBeNull();
  });

  it('lists public objects without a login', async () => {
    const listed = await runJson<ListJson>(['token', 'list', ...withoutPin]);
    expect(objectsOf(listed).map(({ type, label, detail }) => [type, label, detail])).toEqual([
      ['public', 'my/key', 'EC P-256'],
      ['cert', 'my/key', expect.stringMatching(/^certificate [0-9a-f]{64} \(CN=device\)$/)],
    ]);
  });

  it('lists private keys after a login, as URIs for other commands', async () => {
    const listed = await runJson<ListJson>(['token', 'list', ...flags]);
    const key = objectsOf(listed).find(({ type }) => type === 'private');
    expect(key?.uri).toMatch(
      /^pkcs11:token=list%20%26%20co%3B%20%C3%BC;serial=[0-9a-f]+;object=my%2Fkey;id=(%[0-9A-F]{2}){20};type=private\?module-path=/,
    );
    const verify = ['token', 'verify', '--uri', String(key?.uri), '--pin-file', pinFile];
    expect((await run(verify)).status).toBe(0);
  });

  it('reports it as text', async () => {
    const { status, stdout, stderr } = await run(['token', 'list', ...withoutPin]);
    expect(stdout).toMatch(
      new RegExp(
        `^module ${SOFTHSM_LIBRARY} \\(.*SoftHSM\\)\\n {2}slot \\d+: token "list & co; ü"; use --login to list private objects\\n {4}pkcs11:token=list\\S+\\n {4}public key "my/key" id [0-9a-f]{40}: EC P-256\\n {6}pkcs11:\\S+;type=public\\S+\\n {4}certificate "my/key" id`,
      ),
    );
    expect([stderr, status]).toEqual(['', 0]);
  });

  it('asks for the PIN only with --login', async () => {
    const { stdout, status, seen } = await runOnTerminal(
      ['token', 'list', ...withoutPin, '--login', '--json'],
      [['PIN: ', `${PIN}\n`]],
    );
    expect(objectsOf(JSON.parse(stdout) as ListJson)).toHaveLength(3);
    expect(status).toBe(0);
    expect(seen.trim()).toBe('PIN:');
  });

  it('reads the PIN from an environment variable that the child process does not inherit', async () => {
    const uri = `pkcs11:token=list%20%26%20co%3B%20%C3%BC?module-path=${library}&pin-source=env:THE_PIN`;
    const env = { THE_PIN: PIN, FAULT: 'no-pin-in-environment' };
    const listed = await runJson<ListJson>(['token', 'list', '--uri', uri], { env });
    expect(objectsOf(listed)).toHaveLength(3);
  });

  it('escapes control characters', async () => {
    const label = 'red \u001b[31m\u009b31m\u202e';
    const args = ['token', 'generate', ...tokens.flags('colours'), '--label', label];
    const { stdout } = await run(args);
    expect(stdout).toContain('"red \\u001b[31m\\u009b31m\\u202e"');
    const again = await run(args);
    expect(again.stderr).toContain('"red \\u001b[31m\\u009b31m\\u202e"');
  });

  it('shows a label with a newline on one line', async () => {
    const label = 'k\nawsiot-credentialhelper: error: forged';
    const args = ['token', 'generate', ...tokens.flags('forged'), '--label', label];
    const { stdout } = await run(args);
    expect(stdout).toContain('"k\\u000aawsiot-credentialhelper: error: forged"');
    const { stderr } = await run(args);
    expect(stderr).not.toMatch(/^awsiot-credentialhelper: error: forged/m);
    const listed = await run(['token', 'list', ...tokens.flags('forged'), '--json']);
    expect(listed.stdout).not.toMatch(/^awsiot-credentialhelper/m);
    expect(JSON.parse(listed.stdout)).toMatchObject({
      modules: [{ library: { slots: [{ token: { objects: [{ label }, { label }] } }] } }],
    });
  });

  it('sends no PIN if several tokens match', async () => {
    const { status, stderr } = await run([
      ...['token', 'list', '--module', SOFTHSM_LIBRARY, '--pin-file', pinFile],
    ]);
    expect(stderr).toMatch(/\d tokens match/);
    expect(status).toBe(1);
    const nowhere = await run(['token', 'list', '--pin-file', pinFile]);
    expect(nowhere.stderr).toMatch(/no PKCS#11 library is named/);
    expect(nowhere.status).toBe(2);
  });

  it('shows the PIN state of a token', async () => {
    const library = buildFaultyModule(makeFolder(folder, 'pin-states'));
    for (const [fault, state, words] of [
      ['locked', 'locked', 'its PIN is LOCKED'],
      ['last-try', 'one-try-left', 'ONE TRY LEFT'],
    ] as const) {
      const args = ['token', 'list', '--module', library, '--token-label', 'second'];
      const env = { FAULT: fault };
      const { modules } = await runJson<ListJson>(args, { env });
      expect(modules[0]?.library?.slots[0]?.token?.pin).toBe(state);
      expect((await run(args, { env })).stdout).toContain(words);
    }
  });

  it('shows a free slot, and a token that asks for the PIN on its own PIN pad', async () => {
    const args = ['token', 'list', '--module', library];
    const env = { FAULT: 'pin-pad', PIN_PAD_PIN: PIN };
    const { modules } = await runJson<ListJson>(args, { env });
    const slots = modules[0]?.library?.slots ?? [];
    expect(slots.find(({ token }) => token?.label === 'second')).toMatchObject({
      token: { pinPad: true, pin: 'ok', loggedIn: false },
      problem: null,
    });
    const free = slots.find(({ token }) => token === null);
    expect(free?.problem).toBeNull();
    const { stdout } = await run(args, { env });
    expect(stdout).toContain(`\n  slot ${free?.slotId}: free, its token is not initialized\n`);
    const without = await runJson<ListJson>(['token', 'list', ...withoutPin]);
    expect(without.modules[0]?.library?.slots[0]?.token?.pinPad).toBe(false);
  });

  it('shows the error of a slot, and the other slots', async () => {
    const args = ['token', 'list', '--module', library];
    const env = { FAULT: 'other-slots-fail' };
    tokens.flags('the-token');
    const { modules } = await runJson<ListJson>(args, { env });
    const slots = modules[0]?.library?.slots ?? [];
    expect(slots.map(({ token }) => token?.label).filter(Boolean)).toEqual(['the-token']);
    const failed = slots.find(({ token }) => token === null);
    expect(failed?.problem).toMatch(/C_GetTokenInfo returned CKR_DEVICE_ERROR/);
    const { stdout, status } = await run(args, { env });
    expect(stdout).toContain(`\n  slot ${failed?.slotId}: ${failed?.problem}\n`);
    expect(status).toBe(0);
  });

  it.each([
    ['crash', 'ERR_TOKEN_CRASHED', /ended before it answered \(SIGABRT\)/],
    ['hang', 'ERR_TOKEN_TIMEOUT', /did not respond within 4000 ms/],
  ])('reports a module that does this and shows the others: %s', async (fault, code, message) => {
    const modulesFolder = home(fault);
    const library = buildFaultyModule(modulesFolder);
    writeFileSync(join(modulesFolder, 'faulty.module'), `# a comment\nmodule: ${library}\n`);
    const args = ['token', 'list', '--timeout-ms', '4000'];
    const env = { HOME: join(folder, fault), FAULT: fault };
    const { modules } = await runJson<ListJson>(args, { env });
    const faulty = modules.find(({ path }) => path === library);
    expect(faulty?.problem).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(faulty?.foundBy).toBe(join(modulesFolder, 'faulty.module'));
    expect(modules.find(({ path }) => path.endsWith('libsofthsm2.so'))?.library).not.toBeNull();
    const named = await run([...args, '--module', library], { env });
    expect(named.stderr).toMatch(message);
    expect([named.stdout, named.status]).toEqual(['', 1]);
  });

  it('reports a configured module that does not exist', async () => {
    const modulesFolder = home('gone');
    const library = join(modulesFolder, 'gone.so');
    copyFileSync(SOFTHSM_LIBRARY, library);
    rmSync(library);
    writeFileSync(join(modulesFolder, 'gone.module'), `module: ${library}\n`);
    const env = { HOME: join(folder, 'gone') };
    const { modules } = await runJson<ListJson>(['token', 'list'], { env });
    expect(modules.find(({ path }) => path === library)?.problem?.message).toMatch(/no such file/);
  });

  it('names a file that is not a module', async () => {
    const { status, stderr } = await run(['token', 'list', '--module', '/etc/hostname']);
    expect(stderr).toMatch(/cannot load the PKCS#11 library \/etc\/hostname/);
    expect(status).toBe(1);
  });
});
