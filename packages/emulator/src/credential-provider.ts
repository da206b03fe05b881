import { randomUUID } from 'node:crypto';
import { endpointOwner } from './host-names.ts';
import type { Response } from './http.ts';
import { certificateId } from './pki.ts';
import { evaluatePolicies, trusts } from './policy.ts';
import { policyVariables, timeVariables } from './policy-variables.ts';
import { issueCredentials } from './sealed-credentials.ts';
import {
  type Certificate,
  findRoleByArn,
  lookUp,
  type Role,
  type RoleAlias,
  type State,
  withParentGroups,
} from './state.ts';

/** A request to the credential provider. */
export interface CredentialRequest {
  readonly method: string;
  /** Path with query, as it stood in the request line. */
  readonly path: string;
  /** The endpoint's name as the client has it, in the TLS handshake and in `Host`, without a port. */
  readonly hostNames: readonly string[];
  /** The header `x-amzn-iot-thingname`. */
  readonly thingName: string | undefined;
  /** The certificate that the client proved to hold, in DER form. */
  readonly certificate: Uint8Array | undefined;
  /** The address of the client. */
  readonly sourceIp: string;
}

const PATH = /^\/role-aliases\/([^/?]+)\/credentials(?:\?.*)?$/;

const MESSAGES = {
  certificate: 'Certificate is invalid on this endpoint',
  thing: 'Invalid thing name passed',
  policy: 'Access Denied',
  alias: 'Role alias does not exist',
  role: 'Unable to assume the role, or the role to assume does not exist',
  duration:
    'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
} as const;

/**
 * Answers a request to the credential provider. The checks come in AWS's order: certificate, thing, policy, role alias,
 * role, duration.
 *
 * @param lifetimeMs - how long credentials live, instead of what the role alias says
 */
export function provideCredentials(
  state: State,
  request: CredentialRequest,
  nowMs: number,
  lifetimeMs?: number,
): Response {
  const owners = request.hostNames.map((name) => endpointOwner(state, name));
  if (owners.includes('nobody')) {
    return refuse(421, 'InvalidRequestException', 'Misdirected Request');
  }
  if (request.method !== 'GET')
    return refuse(405, 'MethodNotAllowedException', 'Method Not Allowed');
  const aliasName = decodeName(PATH.exec(request.path)?.[1]);
  if (aliasName === undefined) return refuse(404, 'ResourceNotFoundException', 'Not Found');
  const certificate = activeCertificate(state, request.certificate);
  if (certificate === undefined || owners.includes('another account'))
    return deny(MESSAGES.certificate);
  if (!isAttached(state, request.thingName, certificate)) return deny(MESSAGES.thing);
  if (!isAllowed(state, request, { certificate, aliasName, nowMs })) return deny(MESSAGES.policy);
  const alias = lookUp(state.roleAliases, aliasName);
  if (alias === undefined) return refuse(404, 'ResourceNotFoundException', MESSAGES.alias);
  const role = assumableRole(state, alias, nowMs);
  if (role === undefined) return refuse(400, 'InvalidRequestException', MESSAGES.role);
  if (alias.credentialDurationSeconds > role.maxSessionDuration) {
    return refuse(400, 'InvalidRequestException', MESSAGES.duration);
  }
  const expirationMs = nowMs + (lifetimeMs ?? alias.credentialDurationSeconds * 1000);
  const grant = {
    roleName: role.roleName,
    sessionName: certificate.certificateId,
    expirationMs,
  };
  const expiration = `${new Date(expirationMs).toISOString().slice(0, -'.000Z'.length)}Z`;
  return respond(200, { credentials: { ...issueCredentials(state, grant), expiration } });
}

function activeCertificate(state: State, der: Uint8Array | undefined): Certificate | undefined {
  const certificate = der && lookUp(state.certificates, certificateId(der));
  return certificate?.status === 'ACTIVE' ? certificate : undefined;
}

function isAttached(
  state: State,
  thingName: string | undefined,
  { certificateId: id }: Certificate,
): boolean {
  if (thingName === undefined) return true;
  return lookUp(state.things, thingName)?.certificateIds.includes(id) ?? false;
}

function isAllowed(
  state: State,
  { thingName, sourceIp }: CredentialRequest,
  known: { readonly certificate: Certificate; readonly aliasName: string; readonly nowMs: number },
): boolean {
  const { certificate, aliasName, nowMs } = known;
  const action = 'iot:AssumeRoleWithCertificate';
  const resource = roleAliasArn(state, aliasName);
  const thing = thingName === undefined ? undefined : lookUp(state.things, thingName);
  const groups = (thing?.thingGroupNames ?? []).flatMap((name) => withParentGroups(state, name));
  const documents = [certificate, ...groups]
    .flatMap(({ policyNames }) => policyNames)
    .map((name) => state.policies[name]?.policyDocument ?? '');
  const variables = {
    ...timeVariables(nowMs),
    'aws:SourceIp': sourceIp,
    ...policyVariables(certificate, thing),
  };
  return evaluatePolicies(documents, { action, resource, variables }) === 'allow';
}

function assumableRole(
  state: State,
  { roleAlias, roleArn }: RoleAlias,
  nowMs: number,
): Role | undefined {
  const role = findRoleByArn(state, roleArn);
  // AWS IoT Core Developer Guide, "Cross-service confused deputy prevention".
  const variables = {
    ...timeVariables(nowMs),
    'aws:SourceAccount': state.accountId,
    'aws:SourceArn': roleAliasArn(state, roleAlias),
  };
  const names = ['credentials.iot.amazonaws.com'];
  return role && trusts(role.assumeRolePolicyDocument, { kind: 'Service', names, variables })
    ? role
    : undefined;
}

function roleAliasArn({ region, accountId }: State, roleAlias: string): string {
  return `arn:aws:iot:${region}:${accountId}:rolealias/${roleAlias}`;
}

function decodeName(encoded: string | undefined): string | undefined {
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function deny(message: string): Response {
  return refuse(403, 'AccessDeniedException', message);
}

function refuse(status: number, errorType: string, message: string): Response {
  const response = respond(status, { message });
  return { ...response, headers: { ...response.headers, 'x-amzn-ErrorType': errorType } };
}

function respond(status: number, body: unknown): Response {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-RequestId': randomUUID() },
    body: JSON.stringify(body),
  };
}
