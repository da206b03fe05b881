import { X509Certificate } from 'node:crypto';
import { EmulatorError } from './errors.ts';
import { checkName } from './names.ts';
import { certificateId, issueDeviceCertificate, type KeyType } from './pki.ts';
import { type CertificateStatus, lookUp, makeId } from './state.ts';
import type { Store } from './store.ts';

/** What {@link Account.createKeysAndCertificate} gives, as AWS IoT does. */
export interface KeysAndCertificate {
  readonly certificateId: string;
  readonly certificateArn: string;
  readonly certificatePem: string;
  readonly keyPair: {
    readonly PublicKey: string;
    /** PKCS#1 for RSA, SEC1 for EC. */
    readonly PrivateKey: string;
  };
}

/** What {@link Account.seed} made. */
export interface Seed {
  readonly thingName: string;
  readonly roleAlias: string;
  readonly roleName: string;
  readonly roleArn: string;
  readonly policyName: string;
  readonly certificateId: string;
  readonly certificateArn: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/**
 * The account that the emulator stands in for. Its methods are named after the operations of AWS IoT and IAM, and throw
 * an {@link EmulatorError} whose `code` is AWS's name for the error.
 */
export interface Account {
  createThing(input: { thingName: string }): {
    thingName: string;
    thingArn: string;
    thingId: string;
  };
  deleteThing(input: { thingName: string }): void;
  /** `keyType` is an addition of the emulator; AWS IoT makes RSA keys. */
  createKeysAndCertificate(input?: {
    setAsActive?: boolean;
    keyType?: KeyType;
  }): Promise<KeysAndCertificate>;
  /** Registers a certificate that was made elsewhere, without its CA. */
  registerCertificate(input: { certificatePem: string; status?: CertificateStatus }): {
    certificateId: string;
    certificateArn: string;
  };
  updateCertificate(input: { certificateId: string; newStatus: CertificateStatus }): void;
  /** `principal` is the ARN of a certificate. */
  attachThingPrincipal(input: { thingName: string; principal: string }): void;
  detachThingPrincipal(input: { thingName: string; principal: string }): void;
  createPolicy(input: { policyName: string; policyDocument: string }): void;
  deletePolicy(input: { policyName: string }): void;
  /** `target` is the ARN of a certificate. */
  attachPolicy(input: { policyName: string; target: string }): void;
  detachPolicy(input: { policyName: string; target: string }): void;
  createRole(input: {
    roleName: string;
    assumeRolePolicyDocument: string;
    /** In seconds, 3600 to 43200; default 3600. */
    maxSessionDuration?: number;
  }): { roleName: string; roleArn: string; roleId: string };
  deleteRole(input: { roleName: string }): void;
  createRoleAlias(input: {
    roleAlias: string;
    roleArn: string;
    /** 900 to 43200; default 3600. */
    credentialDurationSeconds?: number;
  }): { roleAlias: string; roleAliasArn: string };
  deleteRoleAlias(input: { roleAlias: string }): void;
  /**
   * Makes everything one thing needs to get credentials: role, role alias and policy, unless they are there, and thing
   * and certificate.
   */
  seed(input: { thingName: string; roleAlias: string; keyType?: KeyType }): Promise<Seed>;
}

/** The operations of an account over its stored state. Each change is kept before the operation returns. */
export function openAccount(store: Store, now: () => number): Account {
  const { state } = store;
  const { accountId, region } = state;
  const arn = (service: 'iot', rest: string) => `arn:aws:${service}:${region}:${accountId}:${rest}`;
  const certificateArn = (id: string) => arn('iot', `cert/${id}`);
  const missing = (what: string) =>
    new EmulatorError(`${what} does not exist`, { code: 'ResourceNotFoundException' });
  const present = (what: string) =>
    new EmulatorError(`${what} already exists`, { code: 'ResourceAlreadyExistsException' });
  const getThing = (name: string) => {
    const thing = lookUp(state.things, name);
    if (thing === undefined) throw missing(`thing ${name}`);
    return thing;
  };
  const getCertificate = (id: string) => {
    const certificate = lookUp(state.certificates, id);
    if (certificate === undefined) throw missing(`certificate ${id}`);
    return certificate;
  };
  const getCertificateByArn = (principal: string) => {
    const prefix = certificateArn('');
    if (!principal.startsWith(prefix)) throw missing(`principal ${principal}`);
    return getCertificate(principal.slice(prefix.length));
  };
  const withItem = (list: readonly string[], item: string) => [...new Set([...list, item])];
  const withoutItem = (list: readonly string[], item: string) =>
    list.filter((other) => other !== item);

  const account: Account = {
    createThing({ thingName }) {
      checkName('thing name', thingName);
      if (lookUp(state.things, thingName)) throw present(`thing ${thingName}`);
      const thing = { thingName, thingId: makeId(), certificateIds: [] };
      store.put('things', thingName, thing);
      return { ...thing, thingArn: arn('iot', `thing/${thingName}`) };
    },
    deleteThing({ thingName }) {
      getThing(thingName);
      store.remove('things', thingName);
    },
    async createKeysAndCertificate({ setAsActive = false, keyType = 'RSA-2048' } = {}) {
      const issued = await issueDeviceCertificate(state.pki.deviceCa, keyType, now());
      const status = setAsActive ? 'ACTIVE' : 'INACTIVE';
      return {
        ...account.registerCertificate({ certificatePem: issued.certificatePem, status }),
        certificatePem: issued.certificatePem,
        keyPair: { PublicKey: issued.publicKeyPem, PrivateKey: issued.privateKeyPem },
      };
    },
    registerCertificate({ certificatePem, status = 'INACTIVE' }) {
      const id = certificateId(readCertificate(certificatePem).raw);
      if (lookUp(state.certificates, id)) throw present(`certificate ${id}`);
      const certificate = { certificateId: id, certificatePem, status, policyNames: [] };
      store.put('certificates', id, certificate);
      return { certificateId: id, certificateArn: certificateArn(id) };
    },
    updateCertificate({ certificateId: id, newStatus }) {
      store.put('certificates', id, { ...getCertificate(id), status: newStatus });
    },
    attachThingPrincipal({ thingName, principal }) {
      const thing = getThing(thingName);
      const { certificateId: id } = getCertificateByArn(principal);
      store.put('things', thingName, {
        ...thing,
        certificateIds: withItem(thing.certificateIds, id),
      });
    },
    detachThingPrincipal({ thingName, principal }) {
      const thing = getThing(thingName);
      const { certificateId: id } = getCertificateByArn(principal);
      store.put('things', thingName, {
        ...thing,
        certificateIds: withoutItem(thing.certificateIds, id),
      });
    },
    createPolicy({ policyName, policyDocument }) {
      checkName('policy name', policyName);
      if (lookUp(state.policies, policyName)) throw present(`policy ${policyName}`);
      checkDocument(policyDocument);
      store.put('policies', policyName, { policyName, policyDocument });
    },
    deletePolicy({ policyName }) {
      if (!lookUp(state.policies, policyName)) throw missing(`policy ${policyName}`);
      store.remove('policies', policyName);
    },
    attachPolicy({ policyName, target }) {
      if (!lookUp(state.policies, policyName)) throw missing(`policy ${policyName}`);
      const certificate = getCertificateByArn(target);
      const policyNames = withItem(certificate.policyNames, policyName);
      store.put('certificates', certificate.certificateId, { ...certificate, policyNames });
    },
    detachPolicy({ policyName, target }) {
      const certificate = getCertificateByArn(target);
      const policyNames = withoutItem(certificate.policyNames, policyName);
      store.put('certificates', certificate.certificateId, { ...certificate, policyNames });
    },
    createRole({ roleName, assumeRolePolicyDocument, maxSessionDuration = 3600 }) {
      checkName('role name', roleName);
      if (lookUp(state.roles, roleName)) throw present(`role ${roleName}`);
      checkDocument(assumeRolePolicyDocument);
      checkSeconds('maxSessionDuration', maxSessionDuration, 3600);
      const roleId = `AROA${makeId().replaceAll('-', '').slice(0, 17).toUpperCase()}`;
      const role = { roleName, roleId, assumeRolePolicyDocument, maxSessionDuration };
      store.put('roles', roleName, role);
      return { roleName, roleId, roleArn: `arn:aws:iam::${accountId}:role/${roleName}` };
    },
    deleteRole({ roleName }) {
      if (!lookUp(state.roles, roleName)) throw missing(`role ${roleName}`);
      store.remove('roles', roleName);
    },
    createRoleAlias({ roleAlias, roleArn, credentialDurationSeconds = 3600 }) {
      checkName('role alias', roleAlias);
      if (lookUp(state.roleAliases, roleAlias)) throw present(`role alias ${roleAlias}`);
      checkSeconds('credentialDurationSeconds', credentialDurationSeconds, 900);
      store.put('roleAliases', roleAlias, { roleAlias, roleArn, credentialDurationSeconds });
      return { roleAlias, roleAliasArn: arn('iot', `rolealias/${roleAlias}`) };
    },
    deleteRoleAlias({ roleAlias }) {
      if (!lookUp(state.roleAliases, roleAlias)) throw missing(`role alias ${roleAlias}`);
      store.remove('roleAliases', roleAlias);
    },
    async seed({ thingName, roleAlias, keyType = 'RSA-2048' }) {
      checkName('thing name', thingName);
      checkName('role alias', roleAlias);
      if (lookUp(state.things, thingName)) throw present(`thing ${thingName}`);
      const names = seedNames(roleAlias);
      const roleArn = `arn:aws:iam::${accountId}:role/${names.roleName}`;
      const issued = await account.createKeysAndCertificate({ setAsActive: true, keyType });
      if (!lookUp(state.roles, names.roleName)) {
        account.createRole({ roleName: names.roleName, assumeRolePolicyDocument: TRUST_POLICY });
      }
      if (!lookUp(state.roleAliases, roleAlias)) account.createRoleAlias({ roleAlias, roleArn });
      if (!lookUp(state.policies, names.policyName)) {
        const policyDocument = allowAlias(arn('iot', `rolealias/${roleAlias}`));
        account.createPolicy({ policyName: names.policyName, policyDocument });
      }
      account.createThing({ thingName });
      account.attachThingPrincipal({ thingName, principal: issued.certificateArn });
      account.attachPolicy({ policyName: names.policyName, target: issued.certificateArn });
      const { keyPair, ...certificate } = issued;
      return {
        thingName,
        roleAlias,
        roleArn,
        ...names,
        ...certificate,
        privateKeyPem: keyPair.PrivateKey,
      };
    },
  };
  return account;
}

const TRUST_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Service: 'credentials.iot.amazonaws.com' },
    Action: 'sts:AssumeRole',
  },
});

function allowAlias(roleAliasArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Action: 'iot:AssumeRoleWithCertificate',
      Resource: roleAliasArn,
    },
  });
}

const MAX_ROLE_NAME = 64;
const MAX_POLICY_NAME = 128;

function seedNames(roleAlias: string): { roleName: string; policyName: string } {
  return {
    roleName: `${roleAlias.slice(0, MAX_ROLE_NAME - '-role'.length)}-role`,
    policyName: `${roleAlias.slice(0, MAX_POLICY_NAME - '-policy'.length)}-policy`,
  };
}

const MAX_SECONDS = 43_200;

function checkSeconds(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= MAX_SECONDS) return;
  throw new EmulatorError(
    `${name} must be a whole number from ${least} to ${MAX_SECONDS}, and is ${value}`,
    { code: 'InvalidRequestException' },
  );
}

function checkDocument(document: string): void {
  try {
    JSON.parse(document);
  } catch (cause) {
    throw new EmulatorError('the policy document is not JSON', {
      code: 'MalformedPolicyException',
      cause,
    });
  }
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new EmulatorError('not an X.509 certificate in PEM form', {
      code: 'CertificateValidationException',
      cause,
    });
  }
}
