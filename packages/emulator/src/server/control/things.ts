import { X509Certificate } from 'node:crypto';
import type { Account } from '../../account/account.ts';
import { iotArn, thingGroupArn } from '../../names/arns.ts';
import type {
  CertificateAnswer,
  GroupAnswer,
  PolicyAnswer,
  RoleAliasAnswer,
  ThingAnswer,
  ThingsAnswer,
} from './answers.ts';
import { type Query, readNumber, readText } from './input.ts';

const MAX_PAGE = 250;
const DEFAULT_PAGE = 50;

/**
 * Returns a page of the things whose names contain a text, whatever its case.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an invalid `limit`
 */
export function listThings({ iot }: Account, query: Query): ThingsAnswer {
  const limit = readNumber(query, 'limit', { least: 1, most: MAX_PAGE, fallback: DEFAULT_PAGE });
  const text = (readText(query, 'search') ?? '').toLowerCase();
  const after = readText(query, 'after') ?? '';
  const matches = iot.listThings().filter((name) => name.toLowerCase().includes(text));
  const rest = matches.filter((name) => name > after);
  const names = rest.slice(0, limit);
  return {
    things: names.map((name) => {
      const { thingName, thingTypeName } = iot.describeThing({ thingName: name });
      const certificates = iot.listThingPrincipals({ thingName }).length;
      return { thingName, thingTypeName, certificates };
    }),
    total: matches.length,
    next: rest.length > limit ? names.at(-1) : undefined,
  };
}

/**
 * Returns a thing with its certificates, groups and policies.
 *
 * @throws {@link EmulatorError} `ResourceNotFoundException`
 */
export function describeThing(account: Account, name: string, nowMs: number): ThingAnswer {
  const thing = account.iot.describeThing({ thingName: name });
  const { thingName, thingArn, thingTypeName, attributes } = thing;
  const principals = account.iot.listThingPrincipals({ thingName });
  return {
    thingName,
    thingArn,
    thingTypeName,
    attributes,
    certificates: principals.map((arn) => describeCertificate(account, arn)),
    groups: describeGroups(account, thingName),
    nowMs,
  };
}

/** Returns all role aliases, in the order of their names. */
export function listRoleAliases({ iot }: Account): readonly RoleAliasAnswer[] {
  return iot.listRoleAliases().map((name) => {
    const { roleAlias, roleArn, credentialDurationSeconds } = iot.describeRoleAlias({
      roleAlias: name,
    });
    return { roleAlias, roleArn, credentialDurationSeconds };
  });
}

function describeCertificate(account: Account, arn: string): CertificateAnswer {
  const certificateId = arn.slice(arn.lastIndexOf('/') + 1);
  const { certificatePem, status } = account.iot.describeCertificate({ certificateId });
  const { subject, validTo } = new X509Certificate(certificatePem);
  return {
    certificateId,
    status,
    subject: (subject ?? '').split('\n').join(', '),
    expirationMs: Date.parse(validTo),
    policies: policiesOf(account, iotArn(account, `cert/${certificateId}`)),
  };
}

function describeGroups(account: Account, thingName: string): readonly GroupAnswer[] {
  const direct = new Set(account.iot.listThingGroupsForThing({ thingName }));
  const all = [...direct].flatMap((thingGroupName) => [
    ...account.iot.describeThingGroup({ thingGroupName }).rootToParent,
    thingGroupName,
  ]);
  return [...new Set(all)].map((thingGroupName) => ({
    thingGroupName,
    isDirect: direct.has(thingGroupName),
    policies: policiesOf(account, thingGroupArn(account, thingGroupName)),
  }));
}

function policiesOf({ iot }: Account, target: string): readonly PolicyAnswer[] {
  return iot.listAttachedPolicies({ target }).map((policyName) => {
    const { policyDocument } = iot.getPolicy({ policyName });
    return { policyName, policyDocument };
  });
}
