import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { plantSecret } from '../support/secrets.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sessionRows, startTlsServers } from '../support/token-sessions.ts';

const PROXY_LIBRARY = '/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so';
const TOKEN = 'the-token';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
// Another key, so that the label decides.
softHsm.initToken('other-token');
softHsm.initToken(TOKEN);
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = new Map(
  KEYS.map((keyType, index) => {
    const device = makeSelfSigned(folder, `device-${index}`, keyType);
    const key = { token: TOKEN, label: keyType, id: `0${index + 1}` };
    softHsm.importKey({ ...key, file: device.keyFile });
    return [keyType as KeyType, device];
  }),
);
const connect = await startTlsServers(folder);

function pinFile(name: string, pin: string): string {
  const file = `${folder}/${name}`;
  writeFileSync(file, `${plantSecret(pin)}\n`, { mode: 0o600 });
  return file;
}

describe("p11-kit's proxy, which shows the tokens of all libraries", () => {
  it.each(sessionRows(KEYS))(
    'opens a session: $keyType, $version, isolate $isolate',
    async (row) => {
      await connect(row, devices.get(row.keyType)?.certificateFile ?? '', {
        library: PROXY_LIBRARY,
        userPin: PIN,
        tokenLabel: TOKEN,
        privateKeyLabel: row.keyType,
      });
    },
  );

  it.each(KEYS)('is the default for a URI without a library: %s', async (keyType) => {
    const file = pinFile('pin', PIN);
    const uri = `pkcs11:token=${TOKEN};object=${encodeURIComponent(keyType)}?pin-source=file:${file}`;
    const certificate = ['--certificate', devices.get(keyType)?.certificateFile ?? ''];
    expect(await runJson(['token', 'verify', '--uri', uri, ...certificate])).toMatchObject({
      ok: true,
      belongs: true,
      tls: ['1.2', '1.3'],
      privateKey: expect.stringContaining(encodeURIComponent(PROXY_LIBRARY)),
    });
  });

  it('lists the tokens that the library behind it lists', async () => {
    const labels = async (library: string) => {
      const { stdout } = await run(['token', 'list', '--module', library]);
      return [...stdout.matchAll(/token "(.*?)"/g)].map((match) => match[1]).sort();
    };
    const behind = await labels(SOFTHSM_LIBRARY);
    expect(behind).toEqual(['other-token', TOKEN]);
    expect(await labels(PROXY_LIBRARY)).toEqual(behind);
  });

  it('sees a wrong PIN once', async () => {
    const wrong = pinFile('wrong-pin', 'wrong for the proxy');
    const args = ['token', 'list', '--module', PROXY_LIBRARY, '--token-label', TOKEN];
    for (const message of [/C_Login returned CKR_PIN_INCORRECT/, /so it was not tried again/]) {
      expect((await run([...args, '--pin-file', wrong])).stderr).toMatch(message);
    }
  });
});
