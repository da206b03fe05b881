import { iotArn, parseArn, roleAliasArn, roleArn } from '../names/arns.ts';
import { isName } from '../names/check-name.ts';
import {
  CREDENTIALS_TRUST_POLICY,
  roleAliasPolicy,
  USE_ROLE_ALIAS,
} from '../policy/device-policies.ts';
import type { Variables } from '../policy/pattern.ts';
import { type Assumer, evaluatePolicies, trusts } from '../policy/policy.ts';
import { defaultDocument, isRoleNameTaken, lookUp } from '../state/look-up.ts';
import type { Certificate, Role, RoleAlias } from '../state/records.ts';
import type { State } from '../state/state.ts';

type Commands = readonly string[];

/** The commands that show the endpoint of the credential provider. */
export function showEndpoint(): Commands {
  return [aws('iot describe-endpoint', { 'endpoint-type': 'iot:CredentialProvider' })];
}

/** The commands that register a certificate; the file is the user's. */
export function registerCertificate(): Commands {
  const file = { 'certificate-pem': 'file://certificate.pem', status: 'ACTIVE' };
  return [aws('iot register-certificate-without-ca', file)];
}

/** The commands that activate a certificate. */
export function activateCertificate({ certificateId }: Certificate): Commands {
  const change = { 'certificate-id': certificateId, 'new-status': 'ACTIVE' };
  return [aws('iot update-certificate', change)];
}

/** The commands that make another certificate and key: one that has expired stays so. */
export function replaceCertificate(): Commands {
  const files = {
    'certificate-pem-outfile': 'certificate.pem',
    'private-key-outfile': 'private-key.pem',
  };
  return [aws('iot create-keys-and-certificate --set-as-active', files)];
}

/** The commands that attach a certificate to a thing, which is made if there is none. */
export function attachThing(state: State, thingName: string, certificate: Certificate): Commands {
  if (!isName('thing name', thingName)) return [];
  const name = { 'thing-name': thingName };
  const principal = certificateArn(state, certificate);
  return [
    ...(lookUp(state.things, thingName) === undefined ? [aws('iot create-thing', name)] : []),
    aws('iot attach-thing-principal', { ...name, principal }),
  ];
}

/** The commands that attach a policy to a certificate: one that allows it to use a role alias. */
export function allowAlias(
  state: State,
  certificate: Certificate,
  aliasName: string,
  variables: Variables,
): Commands {
  if (!isName('role alias', aliasName)) return [];
  const resource = roleAliasArn(state, aliasName);
  const request = { action: USE_ROLE_ALIAS, resource, variables };
  const target = certificateArn(state, certificate);
  const allowing = Object.values(state.policies).find(
    (policy) => evaluatePolicies([defaultDocument(policy)], request) === 'allow',
  );
  if (allowing !== undefined) {
    return [aws('iot attach-policy', { 'policy-name': allowing.policyName, target })];
  }
  const policyName = freeName(`${aliasName}-policy`, 128, (name) => name in state.policies);
  return [
    aws('iot create-policy', {
      'policy-name': policyName,
      'policy-document': roleAliasPolicy(resource),
    }),
    aws('iot attach-policy', { 'policy-name': policyName, target }),
  ];
}

/** The commands that detach a policy that denies. */
export function detachPolicy(policyName: string, target: string): Commands {
  return [aws('iot detach-policy', { 'policy-name': policyName, target })];
}

/** The commands that make a role alias: for a role that the service may assume, if there is one. */
export function createAlias(state: State, aliasName: string, assumer: Assumer): Commands {
  if (!isName('role alias', aliasName)) return [];
  const arn = usableRoleArn(state, aliasName, assumer);
  return [aws('iot create-role-alias', { 'role-alias': aliasName, 'role-arn': arn })];
}

/** The commands that make the role of a role alias, or give the alias a role that can be. */
export function createRole(
  state: State,
  { roleAlias, roleArn: wanted }: RoleAlias,
  assumer: Assumer,
): Commands {
  const path = parseArn(wanted)?.resource.slice('role'.length) ?? '';
  const name = path.slice(path.lastIndexOf('/') + 1);
  const folder = path.slice(0, path.length - name.length);
  const isPossible = wanted === roleArn(state, name, folder) && isName('role name', name);
  if (isPossible && !isRoleNameTaken(state, name)) {
    return [
      aws('iam create-role', {
        'role-name': name,
        ...(folder !== '/' && { path: folder }),
        'assume-role-policy-document': CREDENTIALS_TRUST_POLICY,
      }),
    ];
  }
  const arn = usableRoleArn(state, roleAlias, assumer);
  return [aws('iot update-role-alias', { 'role-alias': roleAlias, 'role-arn': arn })];
}

/** The commands after which a role trusts the credential provider. */
export function trustService({ roleName }: Role): Commands {
  const policy = { 'role-name': roleName, 'policy-document': CREDENTIALS_TRUST_POLICY };
  return [aws('iam update-assume-role-policy', policy)];
}

/** The commands after which the sessions of a role may be as long as its alias wants. */
export function extendSessions({ roleName }: Role, seconds: number): Commands {
  const duration = { 'role-name': roleName, 'max-session-duration': String(seconds) };
  return [aws('iam update-role', duration)];
}

/** A command of the AWS CLI. */
function aws(operation: string, options: Readonly<Record<string, string>>): string {
  const words = Object.entries(options).map(([name, value]) => `--${name} ${quoted(value)}`);
  return ['aws', operation, ...words].join(' ');
}

/** Returns a text as a word of a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function certificateArn(state: State, { certificateId }: Certificate): string {
  return iotArn(state, `cert/${certificateId}`);
}

/** The ARN of a role that the service may assume, if there is one; otherwise of one that does not exist. */
function usableRoleArn(state: State, aliasName: string, assumer: Assumer): string {
  const role = Object.values(state.roles).find((one) =>
    trusts(one.assumeRolePolicyDocument, assumer),
  );
  if (role !== undefined) return roleArn(state, role.roleName, role.path);
  const name = freeName(`${aliasName}-role`, 64, (one) => isRoleNameTaken(state, one));
  return roleArn(state, name);
}

/** A name that is not taken, with a number if need be. */
function freeName(wanted: string, limit: number, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : `-${number}`;
    const name = `${wanted.slice(0, limit - suffix.length)}${suffix}`;
    if (!isTaken(name)) return name;
  }
}
