import { roleAliasArn } from '../names/arns.ts';
import { endpointOwner } from '../names/host-names.ts';
import { certificateId } from '../pki/certificate-id.ts';
import { evaluatePolicies, trusts } from '../policy/policy.ts';
import { defaultDocument, findRoleByArn, lookUp, withParentGroups } from '../state/look-up.ts';
import type { Certificate, Role, RoleAlias } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { certificateEndMs, policyVariables, timeVariables } from './variables.ts';

/** A request to the credential provider. */
export interface CredentialRequest {
  readonly method: string;
  /** Path with query, as in the request line. */
  readonly path: string;
  /** The host name used by the client, in the TLS handshake and in `Host`, without a port. */
  readonly hostNames: readonly string[];
  /** The header `x-amzn-iot-thingname`. */
  readonly thingName: string | undefined;
  /** The authenticated client certificate, as DER. */
  readonly certificate: Uint8Array | undefined;
  /** The address of the client. */
  readonly sourceIp: string;
}

/** The identity, role and lifetime of credentials. */
export interface Approval {
  readonly certificate: Certificate;
  readonly role: Role;
  readonly durationSeconds: number;
}

/** The reason to deny credentials: AWS's response, and the reason, which only the emulator reveals. */
export class Refusal extends Error {
  readonly status: number;
  /** The value of `x-amzn-ErrorType`. */
  readonly errorType: string;
  /** The detailed reason, which AWS does not reveal. */
  readonly reason: string;

  constructor(kind: keyof typeof REFUSALS, reason: string) {
    const [status, errorType, message] = REFUSALS[kind];
    super(message);
    this.status = status;
    this.errorType = errorType;
    this.reason = reason;
  }
}

const REFUSALS = {
  host: [421, 'InvalidRequestException', 'Misdirected Request'],
  method: [405, 'MethodNotAllowedException', 'Method Not Allowed'],
  path: [404, 'ResourceNotFoundException', 'Not Found'],
  certificate: [403, 'AccessDeniedException', 'Certificate is invalid on this endpoint'],
  thing: [403, 'AccessDeniedException', 'Invalid thing name passed'],
  policy: [403, 'AccessDeniedException', 'Access Denied'],
  alias: [404, 'ResourceNotFoundException', 'Role alias does not exist'],
  role: [
    400,
    'InvalidRequestException',
    'Unable to assume the role, or the role to assume does not exist',
  ],
  duration: [
    400,
    'InvalidRequestException',
    'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
  ],
} as const;

const PATH = /^\/role-aliases\/([^/?]+)\/credentials(?:\?.*)?$/;
const SERVICE = 'credentials.iot.amazonaws.com';

/**
 * Decides whether a request gets credentials. The checks are in AWS's order: certificate, thing, policy, role alias,
 * role, duration.
 *
 * @throws {@link Refusal}
 */
export function decide(state: State, request: CredentialRequest, nowMs: number): Approval {
  const aliasName = readAliasName(state, request);
  const certificate = findCertificate(state, request, nowMs);
  checkThing(state, request.thingName, certificate);
  checkPolicies(state, request, { certificate, aliasName, nowMs });
  const alias = lookUp(state.roleAliases, aliasName);
  if (alias === undefined) throw new Refusal('alias', `there is no role alias ${aliasName}`);
  const role = findRole(state, alias, nowMs);
  const durationSeconds = alias.credentialDurationSeconds;
  if (durationSeconds > role.maxSessionDuration) {
    throw new Refusal(
      'duration',
      `role alias ${aliasName} has ${durationSeconds} s, role ${role.roleName} at most ${role.maxSessionDuration} s`,
    );
  }
  return { certificate, role, durationSeconds };
}

function readAliasName(state: State, { method, path, hostNames }: CredentialRequest): string {
  const stranger = hostNames.find((name) => endpointOwner(state, name) === 'nobody');
  if (stranger !== undefined) {
    throw new Refusal('host', `${stranger || 'no name'} is not a credential-provider name`);
  }
  if (method !== 'GET') throw new Refusal('method', `the method is ${method}, not GET`);
  const name = decodeName(PATH.exec(path)?.[1]);
  if (name === undefined) {
    throw new Refusal('path', 'the path is not /role-aliases/NAME/credentials');
  }
  return name;
}

function decodeName(encoded: string | undefined): string | undefined {
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function findCertificate(
  state: State,
  { certificate: der, hostNames }: CredentialRequest,
  nowMs: number,
): Certificate {
  if (der === undefined) throw new Refusal('certificate', 'the client sent no certificate');
  const id = certificateId(der);
  const certificate = lookUp(state.certificates, id);
  if (certificate === undefined) {
    throw new Refusal('certificate', `certificate ${id} is not registered`);
  }
  if (certificate.status !== 'ACTIVE') {
    throw new Refusal('certificate', `certificate ${id} is ${certificate.status}`);
  }
  // AWS IoT Core Developer Guide, "X.509 client certificates"; the beginning of the validity is not checked.
  const endMs = certificateEndMs(certificate);
  if (endMs < nowMs) {
    throw new Refusal(
      'certificate',
      `certificate ${id} expired on ${new Date(endMs).toISOString()}`,
    );
  }
  const foreign = hostNames.find((name) => endpointOwner(state, name) === 'another account');
  if (foreign !== undefined) {
    throw new Refusal('certificate', `${foreign} is the endpoint of another account`);
  }
  return certificate;
}

function checkThing(state: State, thingName: string | undefined, certificate: Certificate): void {
  if (thingName === undefined) return;
  if (lookUp(state.things, thingName) === undefined) {
    throw new Refusal('thing', `there is no thing ${thingName}`);
  }
  const { certificateId: id } = certificate;
  if (!state.thingCertificates.has(thingName, id)) {
    throw new Refusal('thing', `certificate ${id} is not attached to thing ${thingName}`);
  }
}

function checkPolicies(
  state: State,
  { thingName, sourceIp }: CredentialRequest,
  known: { readonly certificate: Certificate; readonly aliasName: string; readonly nowMs: number },
): void {
  const { certificate, aliasName, nowMs } = known;
  const action = 'iot:AssumeRoleWithCertificate';
  const resource = roleAliasArn(state, aliasName);
  const thing = thingName === undefined ? undefined : lookUp(state.things, thingName);
  const names = [
    ...state.certificatePolicies.targetsOf(certificate.certificateId),
    ...(thing === undefined ? [] : policiesOfGroups(state, thing.thingName)),
  ];
  const policies = names.flatMap((name) => lookUp(state.policies, name) ?? []);
  const documents = policies.map(defaultDocument);
  const variables = {
    ...timeVariables(nowMs),
    'aws:SourceIp': sourceIp,
    ...policyVariables(certificate, thing),
  };
  const decision = evaluatePolicies(documents, { action, resource, variables });
  if (decision === 'allow') return;
  const verb = decision === 'deny' ? 'deny' : 'do not allow';
  const who = thingName === undefined ? 'a request without a thing name' : `thing ${thingName}`;
  throw new Refusal(
    'policy',
    `the attached policies (${names.join(', ') || 'none'}) ${verb} ${action} on ${resource} for ${who}`,
  );
}

/** The policies of the groups that a thing is in, and of those above them. */
function policiesOfGroups(state: State, thingName: string): readonly string[] {
  return [...state.thingMemberships.targetsOf(thingName)]
    .flatMap((name) => withParentGroups(state, name))
    .flatMap(({ thingGroupName }) => [...state.thingGroupPolicies.targetsOf(thingGroupName)]);
}

function findRole(state: State, { roleAlias, roleArn }: RoleAlias, nowMs: number): Role {
  const role = findRoleByArn(state, roleArn);
  if (role === undefined) throw new Refusal('role', `there is no role ${roleArn}`);
  // AWS IoT Core Developer Guide, "Cross-service confused deputy prevention".
  const variables = {
    ...timeVariables(nowMs),
    'aws:SourceAccount': state.accountId,
    'aws:SourceArn': roleAliasArn(state, roleAlias),
  };
  const assumer = { kind: 'Service', names: [SERVICE], variables } as const;
  if (!trusts(role.assumeRolePolicyDocument, assumer)) {
    const why = `the trust policy of role ${role.roleName} does not allow ${SERVICE} to assume it`;
    throw new Refusal('role', `${why} for ${variables['aws:SourceArn']}`);
  }
  return role;
}
