import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommonInit, createSession } from 'awsiot-credentialhelper';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { pkcs11Tool } from '../support/pkcs11-tool.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { PIN, SOFTHSM_LIBRARY, startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const softHsm = startSoftHsm();
const server = await startRawServer(folder);

/** The names of the certificates that the client last sent, its own first. */
let seen: string[] = [];
server.behave = (socket) => {
  seen = [];
  let certificate = socket.getPeerCertificate(true);
  for (;;) {
    if (!certificate.subject) break;
    seen.push(String(certificate.subject.CN));
    const next = certificate.issuerCertificate;
    if (next === undefined || next === certificate) break;
    certificate = next;
  }
  json({ credentials })(socket);
};

/** Imports a certificate into a token with another tool. */
function store(token: string, file: string, label: string, id: string): void {
  const der = `${file}.der`;
  openssl('x509', '-in', file, '-outform', 'DER', '-out', der);
  pkcs11Tool(token, '--write-object', der, '--type', 'cert', '--label', label, '--id', id);
}

/** Issues a certificate for a key. */
function issue(
  name: string,
  keyFile: string,
  issuer: { keyFile: string; certificateFile: string },
  days: number,
  extensions = '',
): string {
  const request = join(folder, `${name}.csr`);
  const certificateFile = join(folder, `${name}.pem`);
  const extensionsFile = join(folder, `${name}.ext`);
  writeFileSync(extensionsFile, extensions);
  openssl('req', '-new', '-key', keyFile, '-subj', `/CN=${name}`, '-out', request);
  openssl(
    ...['x509', '-req', '-in', request, '-CA', issuer.certificateFile, '-CAkey', issuer.keyFile],
    ...[
      '-CAcreateserial',
      '-days',
      String(days),
      '-out',
      certificateFile,
      '-extfile',
      extensionsFile,
    ],
  );
  return certificateFile;
}

const isCa = 'basicConstraints=critical,CA:TRUE\n';
const root = makeSelfSigned(folder, 'root');
const intermediateKey = makeSelfSigned(folder, 'intermediate').keyFile;
const intermediate = {
  keyFile: intermediateKey,
  certificateFile: issue('intermediate', intermediateKey, root, 90, isCa),
};
const device = makeSelfSigned(folder, 'device', 'RSA 2048');
const stranger = makeSelfSigned(folder, 'stranger');

const common = {
  endpoint: server.endpoint,
  region: 'eu-west-1',
  roleAlias: 'the-alias',
  ca: server.caFile,
};

function open(token: string, options: Partial<CommonInit> = {}) {
  return createSession({
    ...common,
    certificate: 'pkcs11:',
    pkcs11: { library: SOFTHSM_LIBRARY, userPin: PIN, tokenLabel: token },
    ...options,
  });
}

/** Creates a token with the device's key. */
function makeToken(label: string): void {
  softHsm.initToken(label);
  softHsm.importKey({ token: label, label: 'key', id: '01', file: device.keyFile });
}

describe('a certificate in the token of its key', () => {
  it('is found and sent', async () => {
    makeToken('alone');
    store('alone', device.certificateFile, 'cert', '01');
    await open('alone').credentials();
    expect(seen[0]).toBe('device');
  });

  it('of several, the one of the key with the latest expiration is sent, with its chain', async () => {
    makeToken('several');
    store('several', stranger.certificateFile, 'stranger', '01');
    store('several', issue('expired', device.keyFile, intermediate, 0), 'expired', '02');
    store('several', issue('short', device.keyFile, intermediate, 10), 'short', '03');
    store('several', issue('long', device.keyFile, intermediate, 60), 'long', '04');
    store('several', intermediate.certificateFile, 'intermediate', '05');
    store('several', root.certificateFile, 'root', '06');
    await open('several').credentials();
    expect(seen).toEqual(['long', 'intermediate']);
  });

  it('is chosen by label and by id', async () => {
    await open('several', { certificate: 'pkcs11:object=short' }).credentials();
    expect(seen[0]).toBe('short');
    await open('several', { certificate: 'pkcs11:id=%03;type=cert' }).credentials();
    expect(seen[0]).toBe('short');
  });

  it('is not used from another token, or if it belongs to another key', async () => {
    for (const certificate of [
      'pkcs11:object=stranger',
      'pkcs11:token=elsewhere',
      'pkcs11:object=nope',
    ]) {
      const error = await errorOf(() => open('several', { certificate }).credentials());
      expect(error.code, error.message).toBe('ERR_CERTIFICATE_NOT_FOUND');
    }
    const error = await errorOf(() =>
      open('several', { certificate: 'pkcs11:object=stranger' }).credentials(),
    );
    expect(error.message).toMatch(
      /no certificate with the label "stranger" that belongs to the key; it has: .*object=expired;id=%02;type=cert/,
    );
  });

  it('is reported as missing', async () => {
    makeToken('empty');
    const error = await errorOf(() => open('empty').credentials());
    expect(error.code).toBe('ERR_CERTIFICATE_NOT_FOUND');
    expect(error.message).toContain('it has: none');
  });

  it('as one URI for the key and one for the certificate', async () => {
    const pinFile = join(folder, 'pin');
    writeFileSync(pinFile, `${PIN}\n`, { mode: 0o600 });
    const access = `module-path=${SOFTHSM_LIBRARY}&pin-source=file:${pinFile}`;
    const session = createSession({
      endpoint: server.endpoint,
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      ca: server.caFile,
      certificate: `pkcs11:token=several;object=long;type=cert?${access}`,
      pkcs11: { uri: `pkcs11:token=several;object=key;type=private?${access}` },
    });
    await session.credentials();
    expect(seen[0]).toBe('long');
  });
});

describe('a certificate chain in a file', () => {
  it('is sent whole with a key in a token, whatever its order', async () => {
    const chain =
      readFileSync(intermediate.certificateFile, 'utf8') +
      readFileSync(join(folder, 'long.pem'), 'utf8');
    await open('several', { certificate: chain }).credentials();
    expect(seen).toEqual(['long', 'intermediate']);
  });

  it('is sent whole with a key from a file, whatever its order', async () => {
    const chain =
      readFileSync(intermediate.certificateFile, 'utf8') +
      readFileSync(join(folder, 'long.pem'), 'utf8');
    await createSession({
      ...common,
      certificate: chain,
      privateKey: device.keyFile,
    }).credentials();
    expect(seen).toEqual(['long', 'intermediate']);
  });
});
