import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { openTlsIdentity, type TlsIdentityOptions } from 'awsiot-credentialhelper/tls';
import { afterEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { buildFaultyModule } from '../support/faulty-module.ts';
import { often } from '../support/often.ts';
import { type KeyType, makeSelfSigned } from '../support/openssl.ts';
import { leavesNothingBehind } from '../support/programs.ts';
import { type Behaviour, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deleteKey, logOut } from '../support/token-changes.ts';
import { calls, count, logger } from '../support/trace.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
softHsm.initToken('the-token');
const KEYS = ['EC P-256', 'RSA 2048'] as const satisfies readonly KeyType[];
const devices = Object.fromEntries(
  KEYS.map((keyType, index) => {
    const device = makeSelfSigned(folder, `device-${index}`, keyType);
    const key = { token: 'the-token', label: keyType, id: `0${index + 1}` };
    softHsm.importKey({ ...key, file: device.keyFile });
    return [keyType, device];
  }),
) as Record<(typeof KEYS)[number], ReturnType<typeof makeSelfSigned>>;

const server = await startRawServer(folder, { minVersion: 'TLSv1.3' });
// Reports the certificate that it saw, and continues.
const goOn: Behaviour = (socket) => {
  const answer = () => {
    const body = String(socket.getPeerCertificate().subject?.CN);
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  };
  answer();
  socket.on('data', answer);
};
server.behave = goOn;
const port = Number(server.endpoint.split(':')[1]);

afterEach(() => {
  delete process.env.FAULT;
});

function optionsFor(
  keyType: (typeof KEYS)[number] = 'EC P-256',
  pkcs11: object = {},
): TlsIdentityOptions {
  return {
    certificate: devices[keyType].certificateFile,
    ca: server.caFile,
    logger,
    pkcs11: {
      library: SOFTHSM_LIBRARY,
      userPin: PIN,
      tokenLabel: 'the-token',
      privateKeyLabel: keyType,
      ...pkcs11,
    },
  };
}

/** Connects, and returns the common name that the server saw. */
async function handshake({ secureContext }: { secureContext: unknown }): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    secureContext: secureContext as never,
  });
  try {
    return await exchange(socket);
  } finally {
    socket.destroy();
  }
}

function exchange(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (data) => resolve(String(data).split('\r\n\r\n')[1] ?? ''));
    socket.write('x');
  });
}

describe.each(KEYS)('an identity with an %s key in a token', (keyType) => {
  it('serves tls.connect', async () => {
    const identity = await openTlsIdentity(optionsFor(keyType));
    expect(await handshake(identity)).toBe(`device-${KEYS.indexOf(keyType)}`);
    expect(identity.certificate.subject).toBe(`CN=device-${KEYS.indexOf(keyType)}`);
    identity.close();
  });

  it('serves https.Agent: a signature for each connection, not for each request', async () => {
    const { secureContext, close } = await openTlsIdentity(optionsFor(keyType));
    calls.length = 0;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const fetch = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const options = { host: 'localhost', port, agent, secureContext };
        get(options, (response) => {
          response.on('data', (data) => resolve(String(data))).on('error', reject);
        }).on('error', reject);
      });
    expect([await fetch(), await fetch()]).toEqual(
      Array(2).fill(`device-${KEYS.indexOf(keyType)}`),
    );
    expect(count('C_Sign')).toBe(1);
    agent.destroy();
    close();
  });

  it(`leaks nothing after ${often(2000)} handshakes`, async () => {
    const { logger: _, ...options } = optionsFor(keyType);
    const args = [JSON.stringify(options), String(port)];
    const times = { warmUp: 300, count: often(2000) };
    server.behave = (socket) => socket.end();
    await leavesNothingBehind('handshake-loop.mjs', args, times).finally(() => {
      server.behave = goOn;
    });
  }, 120_000);
});

describe('an identity with a key in a token', () => {
  it('logs in again, once, after a logout', async () => {
    const identity = await openTlsIdentity(optionsFor());
    await handshake(identity);
    calls.length = 0;
    await logOut('the-token');
    expect(await handshake(identity)).toBe('device-0');
    expect(await handshake(identity)).toBe('device-0');
    expect(count('C_Login')).toBe(1);
    identity.close();
  });

  it('finds the key again if another process has replaced it', async () => {
    const identity = await openTlsIdentity(optionsFor());
    await handshake(identity);
    deleteKey('the-token', 'EC P-256');
    const file = devices['EC P-256'].keyFile;
    softHsm.importKey({ token: 'the-token', label: 'EC P-256', id: '07', file });
    expect(await handshake(identity)).toBe('device-0');
    identity.close();
  });

  it('tries a wrong PIN once, however often it is opened', async () => {
    const options = optionsFor('EC P-256', { userPin: 'wrong-for-tls' });
    for (let i = 0; i < 3; i++) {
      const error = await errorOf(() => openTlsIdentity(options));
      expect(error.code).toBe('ERR_PIN_INCORRECT');
    }
    expect(count('C_Login')).toBe(1);
    expect(count('C_CloseSession')).toBe(count('C_OpenSession'));
  });

  it('quotes the error of the token if it cannot sign', async () => {
    const library = buildFaultyModule(folder);
    const identity = await openTlsIdentity(optionsFor('EC P-256', { library }));
    process.env.FAULT = 'vendor-error';
    await expect(handshake(identity)).rejects.toThrow(
      /C_Sign returned CKR_VENDOR_DEFINED \+ 0x123 for token "the-token" in slot \d+/,
    );
    delete process.env.FAULT;
    expect(await handshake(identity)).toBe('device-0');
    identity.close();
  });

  it('no longer signs once it is closed, and its connections stay open', async () => {
    const identity = await openTlsIdentity(optionsFor());
    const { secureContext } = identity;
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', secureContext });
    expect(await exchange(socket)).toBe('device-0');
    identity.close();
    identity.close();
    await expect(handshake(identity)).rejects.toThrow(/the key in the token has been closed/);
    expect(await exchange(socket)).toBe('device-0');
    socket.destroy();
  });

  it('is closed at the end of its block', async () => {
    let kept: { secureContext: unknown };
    {
      await using identity = await openTlsIdentity(optionsFor());
      kept = identity;
      await handshake(identity);
    }
    await expect(handshake(kept)).rejects.toThrow(/has been closed/);
  });
});

describe('openTlsIdentity', () => {
  it('accepts a key from a file in the same way', async () => {
    const { keyFile, certificateFile } = devices['EC P-256'];
    const file = { certificate: certificateFile, privateKey: keyFile, ca: server.caFile };
    const identity = await openTlsIdentity(file);
    expect(await handshake(identity)).toBe('device-0');
    identity.close();
  });

  it.each<[string, object, string]>([
    ['an unknown option', { isolate: true }, 'ERR_INVALID_OPTION'],
    ['two keys', { privateKey: devices['EC P-256'].keyFile }, 'ERR_KEY_SOURCE'],
    [
      'another certificate',
      { certificate: devices['RSA 2048'].certificateFile },
      'ERR_KEY_CERTIFICATE_MISMATCH',
    ],
    ['a CA that is none', { ca: readFileSync('/etc/hostname') }, 'ERR_CA_INVALID'],
  ])('refuses %s', async (_name, change, code) => {
    const error = await errorOf(() => openTlsIdentity({ ...optionsFor(), ...change }));
    expect(error.code, error.message).toBe(code);
  });
});
