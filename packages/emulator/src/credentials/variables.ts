import { X509Certificate } from 'node:crypto';
import type { Variables } from '../policy/pattern.ts';
import type { Certificate, Thing } from '../state/records.ts';

/** AWS IoT's names of the attributes of a subject or issuer, by OpenSSL's names. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  C: 'Country',
  O: 'Organization',
  OU: 'OrganizationalUnit',
  dnQualifier: 'DistinguishedNameQualifier',
  ST: 'State',
  CN: 'CommonName',
  serialNumber: 'SerialNumber',
  title: 'Title',
  SN: 'Surname',
  GN: 'GivenName',
  initials: 'Initials',
  pseudonym: 'Pseudonym',
  generationQualifier: 'GenerationQualifier',
};

/** Returns the policy variables of every request. */
export function timeVariables(nowMs: number): Variables {
  return {
    'aws:CurrentTime': new Date(nowMs).toISOString(),
    'aws:EpochTime': String(Math.floor(nowMs / 1000)),
  };
}

/**
 * Returns the policy variables of a request for credentials: those of the thing, if the client named one, and those
 * of the certificate.
 */
export function policyVariables(certificate: Certificate, thing: Thing | undefined): Variables {
  return { ...thingVariables(thing), ...certificateVariables(certificate) };
}

function thingVariables(thing: Thing | undefined): Variables {
  if (thing === undefined) return {};
  const { thingName, thingTypeName, attributes } = thing;
  const prefix = 'iot:Connection.Thing';
  return {
    [`${prefix}.ThingName`]: thingName,
    // The credential provider accepts a thing name only with a certificate that is attached to the thing.
    [`${prefix}.IsAttached`]: 'true',
    ...(thingTypeName !== undefined && { [`${prefix}.ThingTypeName`]: thingTypeName }),
    ...Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`${prefix}.Attributes[${name}]`, value]),
    ),
  };
}

/** A record is never changed, only replaced. */
const variablesOfCertificates = new WeakMap<Certificate, Variables>();

function certificateVariables(certificate: Certificate): Variables {
  const known = variablesOfCertificates.get(certificate);
  const variables = known ?? readVariables(certificate);
  variablesOfCertificates.set(certificate, variables);
  return variables;
}

function readVariables({ certificateId, certificatePem }: Certificate): Variables {
  const { subject, issuer, serialNumber } = new X509Certificate(certificatePem);
  return {
    'iot:CertificateId': certificateId,
    'iot:Certificate.SerialNumber': serialNumber,
    ...nameVariables('iot:Certificate.Subject', subject),
    ...nameVariables('iot:Certificate.Issuer', issuer),
  };
}

/** The first value has the plain name; several values also have numbered names. */
function nameVariables(prefix: string, name: string | undefined): Variables {
  const variables = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const line of (name ?? '').split('\n')) {
    const mark = line.indexOf('=');
    const attribute = ATTRIBUTES[line.slice(0, mark)];
    if (attribute === undefined) continue;
    const count = counts.get(attribute) ?? 0;
    counts.set(attribute, count + 1);
    const value = line.slice(mark + 1);
    if (count === 0) variables.set(`${prefix}.${attribute}`, value);
    variables.set(`${prefix}.${attribute}.${count}`, value);
  }
  return Object.fromEntries(variables);
}
