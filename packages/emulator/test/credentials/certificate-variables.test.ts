import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { type Issued, makeAuthority } from '../support/authority.ts';

const clock = { offsetMs: 0, now: () => Date.now() + clock.offsetMs };
const emulator = await startEmulator({ clock });
afterAll(() => emulator.close());
const { iot } = emulator;
const { seed } = emulator;
await seed({ thingName: 'thing', roleAlias: 'alias', keyType: 'EC-P256' });
const [host, port] = emulator.credentialsEndpoint.split(':');

/** The status of the response to a device whose policy has a condition. */
function exchange({ pem: cert, privateKey: key }: Issued): Promise<number | undefined> {
  const path = '/role-aliases/alias/credentials';
  return new Promise((resolve, reject) => {
    request({ host, port, path, ca: emulator.ca, cert, key, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}

let count = 0;
/** Registers a certificate and allows it to use the alias under a condition, and returns the response's status. */
async function statusFor(
  issued: Issued,
  Condition: object,
  Resource = '*',
): Promise<number | undefined> {
  const target = iot.describeCertificate({ certificateId: issued.id }).certificateArn;
  const policyName = `policy-${count++}`;
  const Action = 'iot:AssumeRoleWithCertificate';
  const Statement = [{ Effect: 'Allow', Action, Resource, Condition }];
  const policyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  iot.createPolicy({ policyName, policyDocument });
  iot.attachPolicy({ policyName, target });
  try {
    return await exchange(issued);
  } finally {
    iot.detachPolicy({ policyName, target });
  }
}

function register(issued: Issued): Issued {
  iot.registerCertificateWithoutCA({ certificatePem: issued.pem, status: 'ACTIVE' });
  return issued;
}

const authority = makeAuthority('/O=Issuer, "Inc."/CN=CA \\+ 1/OU=one/OU=two');
const subject = (attributes: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`iot:Certificate.Subject.${name}`, value]),
  );

describe('the policy variables of a certificate', () => {
  it.each([
    ['a comma', '/O=Acme, Inc.', { Organization: 'Acme, Inc.' }],
    ['quotes', '/O="Acme"/CN=say "hi"', { Organization: '"Acme"', CommonName: 'say "hi"' }],
    ['a backslash', '/CN=a\\\\b', { CommonName: 'a\\b' }],
    ['signs of names', '/CN=a=b;c<d>e', { CommonName: 'a=b;c<d>e' }],
    ['plus and slash', '/CN=a\\+b\\/c', { CommonName: 'a+b/c' }],
    ['a leading #', '/CN=#0500/OU= x ', { CommonName: '#0500', OrganizationalUnit: ' x ' }],
    ['UTF-8', '/CN=Zoë 温度 🌡/O=Ünïon', { CommonName: 'Zoë 温度 🌡', Organization: 'Ünïon' }],
    ['hexadecimal text', '/CN=a\\\\2Cb', { CommonName: 'a\\2Cb' }],
    [
      'a name of several attributes',
      '/CN=one+OU=unit/CN=two+OU=other',
      {
        CommonName: 'one',
        'CommonName.0': 'one',
        'CommonName.1': 'two',
        OrganizationalUnit: 'unit',
        'OrganizationalUnit.1': 'other',
      },
    ],
    [
      'every attribute',
      '/C=US/O=o/OU=ou/dnQualifier=dn/ST=st/CN=cn/serialNumber=987/title=t/SN=sn/GN=gn/initials=i/pseudonym=p/generationQualifier=2',
      {
        Country: 'US',
        Organization: 'o',
        OrganizationalUnit: 'ou',
        DistinguishedNameQualifier: 'dn',
        State: 'st',
        CommonName: 'cn',
        SerialNumber: '987',
        Title: 't',
        Surname: 'sn',
        GivenName: 'gn',
        Initials: 'i',
        Pseudonym: 'p',
        GenerationQualifier: '2',
      },
    ],
  ])('have the values of attributes: %s', async (_name, name, attributes) => {
    const issued = register(authority.issue(name));
    const variables = subject(attributes as Readonly<Record<string, string>>);
    expect(await statusFor(issued, { StringEquals: variables })).toBe(200);
    const [key = '', value = ''] = Object.entries(variables)[0] ?? [];
    expect(await statusFor(issued, { StringEquals: { [key]: `${value}x` } })).toBe(403);
  });

  it('have those of the issuer, and the serial number in decimal', async () => {
    const issued = register(authority.issue('/CN=device'));
    const { serialNumber } = new X509Certificate(issued.pem);
    const variables = {
      'iot:Certificate.SerialNumber': BigInt(`0x${serialNumber}`).toString(),
      'iot:CertificateId': issued.id,
      'iot:Certificate.Issuer.Organization': 'Issuer, "Inc."',
      'iot:Certificate.Issuer.CommonName': 'CA + 1',
      'iot:Certificate.Issuer.OrganizationalUnit': 'one',
      'iot:Certificate.Issuer.OrganizationalUnit.1': 'two',
    };
    expect(await statusFor(issued, { StringEquals: variables })).toBe(200);
    for (const [key, value] of [
      ['iot:Certificate.SerialNumber', serialNumber],
      ['iot:Certificate.Issuer.Organization', 'Issuer\\, \\"Inc.\\"'],
    ] as const) {
      expect(await statusFor(issued, { StringEquals: { [key]: value } })).toBe(403);
    }
  });

  it('are missing where the certificate has no such attribute, and from the sixth on', async () => {
    const units = Array.from({ length: 6 }, (_, index) => `/OU=${index}`).join('');
    const issued = register(authority.issue(`/CN=device${units}`));
    const absent = (name: string) => ({ Null: subject({ [name]: 'true' }) });
    expect(await statusFor(issued, absent('Organization'))).toBe(200);
    expect(await statusFor(issued, absent('CommonName.1'))).toBe(200);
    expect(await statusFor(issued, absent('OrganizationalUnit.5'))).toBe(200);
    expect(await statusFor(issued, absent('OrganizationalUnit.4'))).toBe(403);
  });

  it('have all values of an attribute in a list', async () => {
    const issued = register(authority.issue('/CN=device/OU=one/OU=two'));
    const key = 'iot:Certificate.Subject.OrganizationalUnit.List';
    const status = (operator: string, ...wanted: string[]) =>
      statusFor(issued, { [operator]: { [key]: wanted } });
    expect(await status('ForAnyValue:StringEquals', 'two', 'three')).toBe(200);
    expect(await status('ForAnyValue:StringEquals', 'three')).toBe(403);
    expect(await status('ForAllValues:StringEquals', 'two', 'one', 'three')).toBe(200);
    expect(await status('ForAllValues:StringEquals', 'two')).toBe(403);
    expect(await status('StringNotEquals', 'two')).toBe(403);
    expect(await statusFor(issued, { Null: subject({ 'Title.List': 'true' }) })).toBe(200);
  });

  it('are replaced in a policy, unless their value has wildcards', async () => {
    const aliasOf = (name: string) => `arn:aws:iot:*:*:rolealias/\${${name}}`;
    const replaced = register(authority.issue('/CN=alias/O=alias, x'));
    const commonName = aliasOf('iot:Certificate.Subject.CommonName');
    expect(await statusFor(replaced, {}, commonName)).toBe(200);
    expect(await statusFor(replaced, {}, aliasOf('iot:Certificate.Subject.Organization'))).toBe(
      403,
    );
    const equal = (name: string, value: string) => ({
      StringEquals: { [`iot:Certificate.Subject.${name}`]: value },
    });
    const own = `\${iot:Certificate.Subject.Organization}`;
    expect(await statusFor(replaced, equal('Organization', own))).toBe(200);
    const kept = register(authority.issue('/CN=*/O=a\\+b'));
    expect(await statusFor(kept, {}, commonName)).toBe(403);
    expect(await statusFor(kept, equal('Organization', own))).toBe(403);
    expect(await statusFor(kept, equal('Organization', 'a+b'))).toBe(200);
  });

  it('are those of the certificate signing request', async () => {
    const { certificateSigningRequest, privateKey } = authority.request(
      '/O=Acme, Inc./OU=a\\+b/CN="x" #',
    );
    const made = await iot.createCertificateFromCsr({
      certificateSigningRequest,
      setAsActive: true,
    });
    const issued = { id: made.certificateId, pem: made.certificatePem, privateKey };
    const attributes = {
      Organization: 'Acme, Inc.',
      OrganizationalUnit: 'a+b',
      CommonName: '"x" #',
    };
    expect(await statusFor(issued, { StringEquals: subject(attributes) })).toBe(200);
  });
});

describe('an expired certificate', () => {
  it('is registered, and gets no credentials', async () => {
    const issued = register(authority.issue('/CN=short'));
    const end = new X509Certificate(issued.pem).validTo;
    const answers = async (atMs: number) => {
      clock.offsetMs = atMs - Date.now();
      const status = await statusFor(issued, {});
      return { status, reason: emulator.requests.latest.at(-1)?.reason };
    };
    try {
      const endMs = Date.parse(end);
      expect(await answers(endMs - 60_000)).toEqual({ status: 200, reason: undefined });
      expect(await answers(endMs + 1000)).toEqual({
        status: 403,
        reason: `certificate ${issued.id} expired on ${new Date(endMs).toISOString()}`,
      });
      const late = authority.issue('/CN=late');
      clock.offsetMs = 365 * 86_400_000;
      expect(await statusFor(register(late), {})).toBe(403);
    } finally {
      clock.offsetMs = 0;
    }
  });
});
