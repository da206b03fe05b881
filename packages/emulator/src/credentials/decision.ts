import { roleAliasArn } from '../names/arns.ts';
import { endpointOwner } from '../names/host-names.ts';
import { CREDENTIALS_SERVICE } from '../policy/device-policies.ts';
import { type Assumer, trusts } from '../policy/policy.ts';
import { findRoleByArn, lookUp } from '../state/look-up.ts';
import type { Certificate, Role, RoleAlias } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { checkPolicies } from './policies.ts';
import { Refusal } from './refusal.ts';
import {
  activateCertificate,
  attachThing,
  createAlias,
  createRole,
  extendSessions,
  registerCertificate,
  replaceCertificate,
  showEndpoint,
  trustService,
} from './remedies.ts';
import type { CredentialRequest, Step } from './steps.ts';
import { certificateEndMs, timeVariables } from './variables.ts';

/** The identity, role and lifetime of credentials. */
export interface Approval {
  readonly certificate: Certificate;
  readonly role: Role;
  readonly durationSeconds: number;
}

const MAX_ALIAS_LENGTH = 128;
const PATH = /^\/role-aliases\/([^/?]+)\/credentials(?:\?.*)?$/;

/**
 * Decides whether a request gets credentials.
 *
 * @throws {@link Refusal}
 */
export function decide(state: State, request: CredentialRequest, nowMs: number): Approval {
  const steps = takeSteps(state, request, nowMs);
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}

/**
 * Takes the steps of a decision, in AWS's order: certificate, thing, policy, role alias, role, duration. Yields each
 * that holds.
 *
 * @throws {@link Refusal} for the first that does not hold
 */
export function* takeSteps(
  state: State,
  request: CredentialRequest,
  nowMs: number,
): Generator<Step, Approval> {
  const aliasName = readAliasName(state, request);
  yield { name: 'endpoint', seen: `GET ${request.path}` };
  const certificate = findCertificate(state, request, nowMs);
  yield { name: 'certificate', seen: `certificate ${certificate.certificateId} is ACTIVE` };
  yield { name: 'thing', seen: checkThing(state, request.thingName, certificate) };
  yield checkPolicies(state, request, { certificate, aliasName, nowMs });
  const alias = lookUp(state.roleAliases, aliasName);
  const assumer = serviceFor(state, aliasName, nowMs);
  if (alias === undefined) {
    throw new Refusal('alias', `there is no role alias ${aliasName}`, () =>
      createAlias(state, aliasName, assumer),
    );
  }
  yield { name: 'role alias', seen: `role alias ${aliasName} is for role ${alias.roleArn}` };
  const role = findRole(state, alias, assumer);
  yield { name: 'role', seen: `role ${role.roleName} trusts ${CREDENTIALS_SERVICE}` };
  const { credentialDurationSeconds: durationSeconds } = alias;
  const durations = `role alias ${aliasName} has ${durationSeconds} s, role ${role.roleName} at most ${role.maxSessionDuration} s`;
  if (durationSeconds > role.maxSessionDuration) {
    throw new Refusal('duration', durations, () => extendSessions(role, durationSeconds));
  }
  yield { name: 'duration', seen: durations };
  return { certificate, role, durationSeconds };
}

function readAliasName(state: State, { method, path, hostNames }: CredentialRequest): string {
  const stranger = hostNames.find((name) => endpointOwner(state, name) === 'nobody');
  if (stranger !== undefined) {
    const reason = `${stranger || 'no name'} is not a credential-provider name`;
    throw new Refusal('host', reason, showEndpoint);
  }
  if (method !== 'GET') throw new Refusal('method', `the method is ${method}, not GET`);
  const name = decodeName(PATH.exec(path)?.[1]);
  if (name === undefined) {
    throw new Refusal('path', 'the path is not /role-aliases/NAME/credentials');
  }
  // No role alias has this name, and to match policies with it could take seconds.
  if (name.length > MAX_ALIAS_LENGTH) {
    const reason = `a role alias has at most ${MAX_ALIAS_LENGTH} characters, not ${name.length}`;
    throw new Refusal('path', reason);
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
  { certificateId: id, hostNames }: CredentialRequest,
  nowMs: number,
): Certificate {
  if (id === undefined) throw new Refusal('certificate', 'the client sent no certificate');
  const certificate = lookUp(state.certificates, id);
  if (certificate === undefined) {
    throw new Refusal('certificate', `certificate ${id} is not registered`, registerCertificate);
  }
  if (certificate.status !== 'ACTIVE') {
    throw new Refusal('certificate', `certificate ${id} is ${certificate.status}`, () =>
      activateCertificate(certificate),
    );
  }
  // AWS IoT Core Developer Guide, "X.509 client certificates"; the beginning of the validity is not checked.
  const endMs = certificateEndMs(certificate);
  if (endMs < nowMs) {
    const reason = `certificate ${id} expired on ${new Date(endMs).toISOString()}`;
    throw new Refusal('certificate', reason, replaceCertificate);
  }
  const foreign = hostNames.find((name) => endpointOwner(state, name) === 'another account');
  if (foreign !== undefined) {
    const reason = `${foreign} is the endpoint of another account`;
    throw new Refusal('certificate', reason, showEndpoint);
  }
  return certificate;
}

function checkThing(state: State, thingName: string | undefined, certificate: Certificate): string {
  if (thingName === undefined) return 'the request names no thing';
  const attach = () => attachThing(state, thingName, certificate);
  if (lookUp(state.things, thingName) === undefined) {
    throw new Refusal('thing', `there is no thing ${thingName}`, attach);
  }
  const { certificateId: id } = certificate;
  if (!state.thingCertificates.has(thingName, id)) {
    const reason = `certificate ${id} is not attached to thing ${thingName}`;
    throw new Refusal('thing', reason, attach);
  }
  return `certificate ${id} is attached to thing ${thingName}`;
}

/** The credential provider, as a role's trust policy sees it. */
function serviceFor(state: State, aliasName: string, nowMs: number): Assumer {
  // AWS IoT Core Developer Guide, "Cross-service confused deputy prevention".
  const variables = {
    ...timeVariables(nowMs),
    'aws:SourceAccount': state.accountId,
    'aws:SourceArn': roleAliasArn(state, aliasName),
  };
  return { kind: 'Service', names: [CREDENTIALS_SERVICE], variables };
}

function findRole(state: State, alias: RoleAlias, assumer: Assumer): Role {
  const role = findRoleByArn(state, alias.roleArn);
  if (role === undefined) {
    throw new Refusal('role', `there is no role ${alias.roleArn}`, () =>
      createRole(state, alias, assumer),
    );
  }
  if (!trusts(role.assumeRolePolicyDocument, assumer)) {
    const why = `the trust policy of role ${role.roleName} does not allow ${CREDENTIALS_SERVICE} to assume it`;
    throw new Refusal('role', `${why} for ${assumer.variables['aws:SourceArn']}`, () =>
      trustService(role),
    );
  }
  return role;
}
