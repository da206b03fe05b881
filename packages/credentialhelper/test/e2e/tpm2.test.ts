import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createSession } from 'awsiot-credentialhelper';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { diagnose } from '../support/doctor.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { plantSecret } from '../support/secrets.ts';
import { startSoftHsm } from '../support/softhsm.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTpm2, TPM2_LIBRARY } from '../support/tpm2.ts';

const folder = temporaryFolder();
// For the folder with records of rejected PINs.
startSoftHsm();
startTpm2();
const pinFile = join(folder, 'pin');
writeFileSync(pinFile, `${plantSecret('tpm-user-pin')}\n`, { mode: 0o600 });
const initialized = await run([
  ...['token', 'init', '--module', TPM2_LIBRARY, '--label', 'tpm-token'],
  ...['--pin-file', pinFile, '--so-pin-file', pinFile],
]);
expect(initialized.status, initialized.stderr).toBe(0);
const TARGET = ['--module', TPM2_LIBRARY, '--token-label', 'tpm-token', '--pin-file', pinFile];
const issuer = makeSelfSigned(folder, 'issuer');

const tls12 = await startEmulator();
const tls13 = await startEmulator({ minTlsVersion: 'TLSv1.3' });
afterAll(() => Promise.all([tls12.close(), tls13.close()]));

/** Generates a key in the TPM and a certificate for it, and returns the certificate. */
async function makeKey(label: string, keyType: string): Promise<string> {
  const csr = join(folder, `${label}.csr`);
  const { status, stderr } = await run([
    'token',
    'generate',
    ...TARGET,
    '--label',
    label,
    '--key-type',
    keyType,
    '--csr',
    csr,
  ]);
  expect(status, stderr).toBe(0);
  const certificateFile = join(folder, `${label}.pem`);
  openssl(
    ...['x509', '-req', '-in', csr, '-CA', issuer.certificateFile, '-CAkey', issuer.keyFile],
    ...['-CAcreateserial', '-days', '30', '-out', certificateFile],
  );
  return readFileSync(certificateFile, 'utf8');
}

/** Registers a certificate with an emulator, with everything it needs to get credentials. */
async function register(aws: typeof tls12, label: string, certificatePem: string): Promise<string> {
  const { policyName, roleName } = await aws.seed({ thingName: `seed-${label}`, roleAlias: label });
  const { certificateId, certificateArn } = await aws.iot.registerCertificateWithoutCA({
    certificatePem,
    status: 'ACTIVE',
  });
  await aws.iot.createThing({ thingName: label });
  await aws.iot.attachThingPrincipal({ thingName: label, principal: certificateArn });
  await aws.iot.attachPolicy({ policyName, target: certificateArn });
  return `arn:aws:sts::${aws.accountId}:assumed-role/${roleName}/${certificateId}`;
}

describe.each([
  ['ec', 'p256'],
  ['rsa', 'rsa2048'],
])('an %s key in a TPM 2.0', async (label, keyType) => {
  const certificate = await makeKey(label, keyType);
  const expected = new Map<typeof tls12, string>();
  for (const aws of [tls12, tls13]) expected.set(aws, await register(aws, label, certificate));

  it.each([
    { aws: tls12, name: 'any version', isolate: true },
    { aws: tls13, name: 'TLS 1.3 only', isolate: true },
    { aws: tls13, name: 'TLS 1.3 only', isolate: false },
  ] as const)('signs for a session if the server takes $name, isolate $isolate', async (way) => {
    const { aws, isolate } = way;
    const known = aws.requests.latest.length;
    const session = createSession({
      endpoint: aws.credentialsEndpoint,
      region: aws.region,
      roleAlias: label,
      thingName: label,
      certificate,
      ca: aws.ca,
      pkcs11: {
        isolate,
        library: TPM2_LIBRARY,
        userPin: { file: pinFile },
        tokenLabel: 'tpm-token',
        privateKeyLabel: label,
      },
    });
    const sts = new STSClient({ ...session, endpoint: aws.apiEndpoint });
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    sts.destroy();
    expect(Arn).toBe(expected.get(aws));
    expect(aws.requests.latest[known]?.tlsVersion).toBe('TLSv1.3');
  });

  it('is found by doctor to be well', async () => {
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, tls13.ca);
    const { broken, of } = await diagnose(
      [
        ...[...TARGET, '--label', label, '--certificate', join(folder, `${label}.pem`)],
        ...['--endpoint', tls13.credentialsEndpoint, '--region', tls13.region, '--ca', ca],
        ...['--role-alias', label, '--thing-name', label],
      ],
      { AWS_ENDPOINT_URL: tls13.apiEndpoint },
    );
    expect(broken).toEqual([]);
    expect(of('token').seen).toContain('"tpm-token"');
    expect(of('key').seen).toContain('verified with a test signature');
  });

  it('signs for TLS 1.2 and 1.3 handshakes', async () => {
    const verified = await runJson(['token', 'verify', ...TARGET, '--label', label]);
    expect(verified).toMatchObject({ ok: true, tls: ['1.2', '1.3'] });
  });
});
