import { memoizeByIdentity } from '../memo.ts';
import {
  type AttributeValues,
  type CertificateContent,
  readContent,
} from '../pki/certificate-content.ts';
import type { Variables, VariableValue } from '../policy/pattern.ts';
import type { Certificate, Thing } from '../state/records.ts';

/** AWS IoT's names of the attributes of a subject or issuer, and their OIDs (RFC 4519, RFC 3739). */
const ATTRIBUTES: readonly (readonly [string, string])[] = [
  ['Country', '2.5.4.6'],
  ['Organization', '2.5.4.10'],
  ['OrganizationalUnit', '2.5.4.11'],
  ['DistinguishedNameQualifier', '2.5.4.46'],
  ['State', '2.5.4.8'],
  ['CommonName', '2.5.4.3'],
  ['SerialNumber', '2.5.4.5'],
  ['Title', '2.5.4.12'],
  ['Surname', '2.5.4.4'],
  ['GivenName', '2.5.4.42'],
  ['Initials', '2.5.4.43'],
  ['Pseudonym', '2.5.4.65'],
  ['GenerationQualifier', '2.5.4.44'],
];

// AWS IoT Core Developer Guide, "X.509 Certificate policy variable limitations".
const MAX_VALUES = 5;
const MAX_LENGTH = 1024;

/** Returns the policy variables of every request. */
export function timeVariables(nowMs: number): Variables {
  return {
    'aws:CurrentTime': new Date(nowMs).toISOString(),
    'aws:EpochTime': String(Math.floor(nowMs / 1000)),
  };
}

/** Returns the condition keys that each session of a role has since it began. */
export function sessionVariables(nowMs: number): Variables {
  return { 'aws:TokenIssueTime': new Date(nowMs).toISOString() };
}

/**
 * Returns the condition keys of a session from the credential provider (AWS IoT Core Developer Guide, "Authorizing
 * direct calls to AWS services"): those of the thing only if the client named one.
 */
export function deviceVariables(
  { certificateId }: Certificate,
  thing: Thing | undefined,
  nowMs: number,
): Variables {
  return {
    ...sessionVariables(nowMs),
    'credentials-iot:AwsCertificateId': certificateId,
    ...(thing !== undefined && { 'credentials-iot:ThingName': thing.thingName }),
    ...(thing?.thingTypeName !== undefined && {
      'credentials-iot:ThingTypeName': thing.thingTypeName,
    }),
  };
}

/**
 * Returns the policy variables of a request for credentials: those of the thing, if the client named one, and those
 * of the certificate.
 */
export function policyVariables(certificate: Certificate, thing: Thing | undefined): Variables {
  return { ...thingVariables(thing), ...read(certificate).variables };
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

interface Known extends CertificateContent {
  readonly variables: Variables;
}

/** A record is never changed, only replaced. */
const read = memoizeByIdentity((certificate: Certificate): Known => {
  const content = readContent(certificate.certificatePem);
  return { ...content, variables: certificateVariables(certificate, content) };
});

/** Returns the end of a certificate's validity, in epoch milliseconds. */
export function certificateEndMs(certificate: Certificate): number {
  return read(certificate).notAfterMs;
}

function certificateVariables(
  { certificateId }: Certificate,
  { subject, issuer, serialNumber }: CertificateContent,
): Variables {
  return {
    'iot:CertificateId': certificateId,
    'iot:Certificate.SerialNumber': String(serialNumber),
    ...nameVariables('iot:Certificate.Subject', subject),
    ...nameVariables('iot:Certificate.Issuer', issuer),
  };
}

/** The first value has the plain name, `Country`; the second is `Country.1`, and `Country.List` has all of them. */
function nameVariables(prefix: string, name: AttributeValues): Variables {
  const variables = new Map<string, VariableValue>();
  for (const [attribute, oid] of ATTRIBUTES) {
    const values = name.get(oid).slice(0, MAX_VALUES);
    const put = (suffix: string, value: string | undefined) => {
      if (value === undefined || value.length > MAX_LENGTH) return;
      variables.set(`${prefix}.${attribute}${suffix}`, value);
    };
    put('', values[0]);
    for (const [index, value] of values.entries()) put(`.${index}`, value);
    if (values.length > 0) variables.set(`${prefix}.${attribute}.List`, values);
  }
  return Object.fromEntries(variables);
}
