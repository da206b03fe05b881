import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/index.ts';
import { openSdk } from '../../support/sdk.ts';

const emulator = await startEmulator({ region: 'ap-south-1', accountId: '444455556666' });
const sdk = openSdk(emulator);
const { things, createCertificate } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

describe('certificates', () => {
  it('cannot be deleted while they are attached', async () => {
    const { certificateId, certificateArn: principal } = await createCertificate();
    const thingName = 'holder';
    const remove = () => things.send(new iot.DeleteCertificateCommand({ certificateId }));
    await things.send(new iot.CreateThingCommand({ thingName }));
    await things.send(new iot.AttachThingPrincipalCommand({ thingName, principal }));
    expect((await things.send(new iot.ListPrincipalThingsCommand({ principal }))).things).toEqual([
      thingName,
    ]);
    expect(
      (await things.send(new iot.ListThingPrincipalsCommand({ thingName }))).principals,
    ).toEqual([principal]);
    await expect(remove()).rejects.toBeInstanceOf(iot.CertificateStateException);
    await things.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    await expect(remove()).rejects.toBeInstanceOf(iot.DeleteConflictException);
    await expect(things.send(new iot.DeleteThingCommand({ thingName }))).rejects.toBeInstanceOf(
      iot.InvalidRequestException,
    );
    await things.send(new iot.DetachThingPrincipalCommand({ thingName, principal }));
    await remove();
    await expect(remove()).rejects.toBeInstanceOf(iot.ResourceNotFoundException);
  });

  it('are created for a request, and registered with or without a registered CA', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'authority-'));
    const file = (name: string) => join(dir, name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
    const request = (name: string, subject: string) =>
      openssl(
        ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', `/CN=${subject}`],
      );
    const sign = (name: string) => {
      const ca = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
      openssl('x509', '-req', '-in', file(`${name}.csr`), ...ca, '-out', file(`${name}.pem`));
      return readFileSync(file(`${name}.pem`), 'utf8');
    };
    try {
      const { registrationCode = '' } = await things.send(new iot.GetRegistrationCodeCommand({}));
      openssl(
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=The CA'],
      );
      const caCertificate = readFileSync(file('ca.pem'), 'utf8');
      request('code', registrationCode);
      request('device', 'device');
      const certificatePem = sign('device');
      await expect(
        things.send(new iot.RegisterCertificateCommand({ certificatePem })),
      ).rejects.toBeInstanceOf(iot.CertificateValidationException);
      await expect(
        things.send(
          new iot.RegisterCACertificateCommand({
            caCertificate,
            verificationCertificate: certificatePem,
          }),
        ),
      ).rejects.toBeInstanceOf(iot.RegistrationCodeValidationException);
      const ca = await things.send(
        new iot.RegisterCACertificateCommand({
          caCertificate,
          verificationCertificate: sign('code'),
          setAsActive: true,
        }),
      );
      const { certificateId } = await things.send(
        new iot.RegisterCertificateCommand({ certificatePem, status: 'ACTIVE' }),
      );
      const { certificateDescription } = await things.send(
        new iot.DescribeCertificateCommand({ certificateId }),
      );
      expect(certificateDescription).toMatchObject({
        certificateId,
        caCertificateId: ca.certificateId,
        status: 'ACTIVE',
        certificatePem,
      });
      await expect(
        things.send(new iot.RegisterCertificateWithoutCACommand({ certificatePem })),
      ).rejects.toBeInstanceOf(iot.ResourceAlreadyExistsException);
      const certificateSigningRequest = readFileSync(file('device.csr'), 'utf8');
      const made = await things.send(
        new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest }),
      );
      expect(made.certificatePem).toContain('BEGIN CERTIFICATE');
      const { certificates } = await things.send(
        new iot.ListCertificatesCommand({ pageSize: 1, ascendingOrder: false }),
      );
      expect(certificates?.[0]).toMatchObject({
        certificateId: made.certificateId,
        status: 'INACTIVE',
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('keys of certificates', () => {
  const dir = mkdtempSync(join(tmpdir(), 'keys-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const make = (kind: readonly string[], ...how: string[]) => {
    const out = join(dir, 'out.pem');
    const key = ['-newkey', ...kind, '-nodes', '-keyout', join(dir, 'key.pem')];
    const args = ['req', ...how, ...key, '-out', out, '-subj', '/CN=device'];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return readFileSync(out, 'utf8');
  };
  const ec = (curve: string) => ['ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];

  it.each([
    ['RSA 2048', ['rsa:2048'], true],
    ['RSA 1024', ['rsa:1024'], false],
    ['P-256', ec('P-256'), true],
    ['P-384', ec('P-384'), true],
    ['P-521', ec('P-521'), true],
    ['secp256k1', ec('secp256k1'), false],
    ['Ed25519', ['ed25519'], false],
  ])('%s', async (_name, kind, isTaken) => {
    const certificatePem = make(kind, '-x509');
    const registered = things.send(
      new iot.RegisterCertificateWithoutCACommand({ certificatePem, status: 'ACTIVE' }),
    );
    const certificateSigningRequest = make(kind);
    const issued = things.send(
      new iot.CreateCertificateFromCsrCommand({ certificateSigningRequest }),
    );
    if (isTaken) {
      await registered;
      expect((await issued).certificatePem).toContain('BEGIN CERTIFICATE');
    } else {
      await expect(registered).rejects.toBeInstanceOf(iot.CertificateValidationException);
      await expect(issued).rejects.toBeInstanceOf(iot.InvalidRequestException);
    }
  });
});
