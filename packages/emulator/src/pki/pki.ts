// The initial PKI of an account: its certificate authorities, and the server certificate.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { WrongCertificate } from '../faults/fault.ts';
import { credentialsDomain, LOCAL_NAME } from '../names/host-names.ts';
import {
  type Authority,
  createAuthority,
  issuerOf,
  type KeyAndCertificate,
  privateKeyToPem,
} from './authority.ts';
import { DEVICE_END, DEVICE_ISSUER } from './device-certificates.ts';
import { DAY_MS, issue } from './issue.ts';
import { makeKeyPair } from './keys.ts';
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  SubjectAlternativeNameExtension,
} from './x509.ts';

/** The emulator's certificate authorities and the server's certificate. */
export interface Pki {
  /** The CA that clients trust. */
  readonly serverCa: Authority;
  /** The certificate of the credential provider's endpoint. */
  readonly server: KeyAndCertificate;
  /** The CA of device certificates. */
  readonly deviceCa: Authority;
}

const SUBJECT = `CN=${LOCAL_NAME}`;

/** Creates certificate authorities, and a server certificate for localhost and the name on AWS. */
export async function createPki(region: string, nowMs: number): Promise<Pki> {
  const from = new Date(nowMs - DAY_MS);
  const to = new Date(nowMs + 3650 * DAY_MS);
  const serverCa = await createAuthority('CN=Emulator Root CA', from, to);
  const { publicKey, privateKey } = await makeKeyPair('EC-P256');
  const certificatePem = await issue({
    subject: SUBJECT,
    publicKey,
    issuer: issuerOf(serverCa),
    from,
    to,
    extensions: serverExtensions(serverNames(region)),
  });
  const deviceCa = await createAuthority(DEVICE_ISSUER, from, DEVICE_END);
  const server = { privateKeyPem: privateKeyToPem(privateKey), certificatePem };
  return { serverCa, server, deviceCa };
}

/** Creates a server certificate that is valid for more names, as PEM, for the server's own key. */
export function issueServerCertificate(
  { serverCa, server }: Pki,
  names: readonly string[],
  nowMs: number,
): Promise<string> {
  return issue({
    subject: SUBJECT,
    publicKey: createPublicKey(server.privateKeyPem),
    issuer: issuerOf(serverCa),
    from: new Date(nowMs - DAY_MS),
    to: new Date(nowMs + 3650 * DAY_MS),
    extensions: serverExtensions(names),
  });
}

/** Server certificates that a client must reject, as PEM, for the server's own key. */
export type WrongCertificates = Readonly<Record<WrongCertificate, string>>;

/** Creates server certificates that a client must reject. */
export async function createWrongCertificates(
  { serverCa, server }: Pki,
  names: readonly string[],
  nowMs: number,
): Promise<WrongCertificates> {
  const from = new Date(nowMs - 30 * DAY_MS);
  const to = new Date(nowMs + 30 * DAY_MS);
  const privateKey = createPrivateKey(server.privateKeyPem);
  const publicKey = createPublicKey(privateKey);
  const extensions = [dnsNames(...names)];
  const right = { subject: SUBJECT, publicKey, issuer: issuerOf(serverCa), from, to, extensions };
  const other = { subject: 'CN=other.example', extensions: [dnsNames('other.example')] };
  const [otherName, untrusted, expired] = await Promise.all([
    issue({ ...right, ...other }),
    issue({ ...right, issuer: { subject: SUBJECT, privateKey } }),
    issue({ ...right, to: new Date(nowMs - DAY_MS) }),
  ]);
  return { 'other-name': otherName, untrusted, expired };
}

/**
 * Returns the names of the credential provider's endpoint: the local one and those on AWS.
 *
 * @param more - other names
 */
export function serverNames(region: string, more: readonly string[] = []): readonly string[] {
  return [LOCAL_NAME, `*.${credentialsDomain(region)}`, ...more];
}

function serverExtensions(names: readonly string[]): readonly Extension[] {
  return [dnsNames(...names), new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])];
}

function dnsNames(...names: readonly string[]): Extension {
  return new SubjectAlternativeNameExtension(
    names.map((value) => ({ type: 'dns' as const, value })),
  );
}
