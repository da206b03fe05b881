import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { openTlsIdentity, type TlsIdentity } from 'awsiot-credentialhelper/tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Pkcs11 } from '../../src/pkcs11/pkcs11.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { type KeyType, makeSelfSigned, openssl } from '../support/openssl.ts';
import { runProgram } from '../support/programs.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deleteKey, deleteToken, logOut, withSession } from '../support/token-changes.ts';
import { calls, count, logger } from '../support/trace.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const NAMES = { 'EC P-256': 'ec-device', 'RSA 2048': 'rsa-device' };
const devices = {
  'EC P-256': makeSelfSigned(folder, NAMES['EC P-256'], 'EC P-256'),
  'RSA 2048': makeSelfSigned(folder, NAMES['RSA 2048'], 'RSA 2048'),
};
let imports = 0;
// The public key of a deleted one keeps its id.
function importKey(token: string, label: (typeof KEYS)[number]): void {
  const id = String(++imports).padStart(2, '0');
  softHsm.importKey({ token, label, id, file: devices[label].keyFile });
}
// The token of one key alone.
const ownToken = (label: (typeof KEYS)[number]) => `token of ${label}`;
function makeOwnToken(label: (typeof KEYS)[number]): void {
  softHsm.initToken(ownToken(label));
  importKey(ownToken(label), label);
}
for (const token of ['the-token', 'pin-token']) softHsm.initToken(token);
for (const label of KEYS) importKey('the-token', label);
importKey('pin-token', 'EC P-256');
for (const label of KEYS) makeOwnToken(label);

const subject = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
const own = makeSelfSigned(folder, 'server', 'RSA 2048', subject);
// Responds with the common name of the client, and reports the connection.
const serverOptions = {
  key: readFileSync(own.keyFile),
  cert: readFileSync(own.certificateFile),
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.3',
} as const;
const server = createServer(serverOptions, ({ socket }, response) => {
  const { subject } = (socket as TLSSocket).getPeerCertificate();
  response.end(`${subject?.CN} ${(socket as TLSSocket).isSessionReused() ? 'resumed' : 'full'}`);
});
server.on('tlsClientError', () => {});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

afterEach(() => {
  delete process.env.FAULT;
});

function optionsFor(keyType: (typeof KEYS)[number], pkcs11: object = {}) {
  return {
    certificate: devices[keyType].certificateFile,
    ca: own.certificateFile,
    pkcs11: {
      library: SOFTHSM_LIBRARY,
      userPin: PIN,
      tokenLabel: 'the-token',
      privateKeyLabel: keyType,
      ...pkcs11,
    },
  };
}
const open = (keyType: (typeof KEYS)[number], pkcs11?: object) =>
  openTlsIdentity({ ...optionsFor(keyType, pkcs11), logger });

function fetchWith(agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: 'localhost', port, agent }, (response) => {
      response.on('data', (data) => resolve(String(data))).on('error', reject);
    }).on('error', reject);
  });
}

/** Opens a new connection for one request, with a full handshake. */
async function fetchOnce({ secureContext }: Pick<TlsIdentity, 'secureContext'>): Promise<string> {
  const agent = new Agent({ secureContext, maxCachedSessions: 0 });
  try {
    return await fetchWith(agent);
  } finally {
    agent.destroy();
  }
}

describe.each(KEYS)('an identity with an %s key in a token', (keyType) => {
  it('signs once for each connection of an https.Agent', async () => {
    await using identity = await open(keyType);
    const { secureContext } = identity;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, secureContext });
    calls.length = 0;
    expect(await fetchWith(agent)).toBe(`${NAMES[keyType]} full`);
    expect(await fetchWith(agent)).toBe(`${NAMES[keyType]} full`);
    expect(count('C_Sign')).toBe(1);
    expect(await fetchOnce(identity)).toBe(`${NAMES[keyType]} full`);
    expect(count('C_Sign')).toBe(2);
    agent.destroy();
  });

  it('signs nothing for a TLS session that is resumed by https.Agent', async () => {
    await using identity = await open(keyType);
    const agent = new Agent({ secureContext: identity.secureContext });
    calls.length = 0;
    expect(await fetchWith(agent)).toBe(`${NAMES[keyType]} full`);
    expect(await fetchWith(agent)).toBe(`${NAMES[keyType]} resumed`);
    expect(count('C_Sign')).toBe(1);
    agent.destroy();
  });

  it('signs for each of many handshakes at once', async () => {
    await using identity = await open(keyType);
    calls.length = 0;
    const answers = await Promise.all(Array.from({ length: 30 }, () => fetchOnce(identity)));
    expect(new Set(answers)).toEqual(new Set([`${NAMES[keyType]} full`]));
    expect(count('C_Sign')).toBe(30);
  });

  it('can be closed more than once', async () => {
    const args = [JSON.stringify(optionsFor(keyType)), String(port), '50'];
    expect(await runProgram('close-loop.mjs', args, 30_000)).toBe('done\n');
  });

  it('quotes the error of the token if it cannot sign', async () => {
    await using identity = await open(keyType, { library: buildFaultyModule(folder) });
    process.env.FAULT = 'vendor-error';
    await expect(fetchOnce(identity)).rejects.toThrow(
      /C_Sign returned CKR_VENDOR_DEFINED \+ 0x123 for token "the-token" in slot \d+/,
    );
  });

  it("leaves no error in OpenSSL's queue if a handshake fails", async () => {
    const { secureContext, close } = await open(keyType);
    close();
    const pem = readFileSync(devices[keyType].keyFile);
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', secureContext });
    const { message, type } = await new Promise<{ message: string; type: unknown }>(
      (resolve, reject) => {
        socket.once('error', ({ message }) => {
          try {
            resolve({ message, type: createPrivateKey(pem).type });
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    expect(message).toContain('the key in the token has been closed');
    expect(type).toBe('private');
  });

  it('closes each session that it opens, also while its key is missing', async () => {
    const identity = await open(keyType);
    deleteKey('the-token', keyType);
    const missing = new RegExp(`holds no private key with the label "${keyType}"`);
    for (let i = 0; i < 3; i++) await expect(fetchOnce(identity)).rejects.toThrow(missing);
    importKey('the-token', keyType);
    expect(await fetchOnce(identity)).toBe(`${NAMES[keyType]} full`);
    identity.close();
    expect(count('C_OpenSession')).toBeGreaterThan(3);
    expect(calls.filter((line) => /^C_CloseSession .*: CKR_OK/.test(line))).toHaveLength(
      count('C_OpenSession'),
    );
  });

  it('finds its token again after it was deleted and initialized again', async () => {
    await using identity = await open(keyType, { tokenLabel: ownToken(keyType) });
    expect(await fetchOnce(identity)).toBe(`${NAMES[keyType]} full`);
    deleteToken(ownToken(keyType));
    const missing = /shows no initialized token|no token matches/;
    await expect(fetchOnce(identity)).rejects.toThrow(missing);
    makeOwnToken(keyType);
    calls.length = 0;
    expect(await fetchOnce(identity)).toBe(`${NAMES[keyType]} full`);
    expect(count('C_Login')).toBe(1);
  });
});

describe('identities with keys in tokens', () => {
  it('all recover after a logout from their token', async () => {
    await using ec = await open('EC P-256');
    await using rsa = await open('RSA 2048');
    await logOut('the-token');
    for (let i = 0; i < 2; i++) {
      expect(await fetchOnce(ec)).toBe('ec-device full');
      expect(await fetchOnce(rsa)).toBe('rsa-device full');
    }
  });

  it('keep working if another one of the same token is closed', async () => {
    await using ec = await open('EC P-256');
    const rsa = await open('RSA 2048');
    rsa.close();
    calls.length = 0;
    expect(await fetchOnce(ec)).toBe('ec-device full');
    expect(count('C_Login')).toBe(0);
  });

  it('do not affect other connections if the library leaves errors in the OpenSSL of Node.js', async () => {
    const pkcs11 = await Pkcs11.open({ library: buildFaultyModule(folder) });
    const echo = createTlsServer(serverOptions, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.write('x');
    process.env.FAULT = 'openssl-error';
    pkcs11.getSlots();
    await once(socket, 'data');
    socket.destroy();
    echo.close();
  });

  it('do not retry a PIN that the token rejects after a new login', async () => {
    await using identity = await open('EC P-256', { tokenLabel: 'pin-token' });
    await withSession('pin-token', 'write', (pkcs11, session) => {
      pkcs11.setPin(session, PIN, 'another-pin');
      pkcs11.logout(session);
    });
    calls.length = 0;
    await expect(fetchOnce(identity)).rejects.toThrow(/C_Login returned CKR_PIN_INCORRECT/);
    expect(count('C_Login')).toBe(1);
    for (let i = 0; i < 3; i++) {
      const error = await fetchOnce(identity).catch((caught: Error) => caught);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).not.toContain(PIN);
    }
    expect(count('C_Login')).toBe(1);
    expect(calls.join()).not.toContain(PIN);
  });
});

describe('an identity with a key from a file', () => {
  it('accepts an encrypted key, works with https.Agent, and can be closed more than once', async () => {
    const keyFile = `${devices['EC P-256'].keyFile}.encrypted`;
    const source = ['-in', devices['EC P-256'].keyFile, '-out', keyFile];
    openssl('pkcs8', '-topk8', ...source, '-passout', 'pass:the-passphrase');
    await using identity = await openTlsIdentity({
      certificate: devices['EC P-256'].certificateFile,
      privateKey: keyFile,
      passphrase: 'the-passphrase',
      ca: own.certificateFile,
    });
    expect(identity.certificate.subject).toBe('CN=ec-device');
    expect(await fetchOnce(identity)).toBe('ec-device full');
    identity.close();
    identity.close();
    expect(await fetchOnce(identity)).toBe('ec-device full');
  });
});
