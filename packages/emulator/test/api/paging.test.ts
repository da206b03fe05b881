import * as iam from '@aws-sdk/client-iam';
import * as iot from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { openSdk } from '../support/sdk.ts';
import { allowAlias, TRUST_POLICY } from '../support/session.ts';

const emulator = await startEmulator();
const sdk = openSdk(emulator);
const { things, roles } = sdk;
afterAll(async () => {
  sdk.close();
  await emulator.close();
});

const { iot: account, iam: roleAccount } = emulator;
const policyDocument = allowAlias('*');
const { certificateArn: principal } = await account.createKeysAndCertificate();
account.createThing({ thingName: 'holder' });
account.createThingGroup({ thingGroupName: 'holder' });
account.createPolicy({ policyName: 'held', policyDocument });
roleAccount.createRole({
  roleName: 'holder',
  assumeRolePolicyDocument: TRUST_POLICY,
});

interface List {
  readonly name: string;
  /** Adds one item. */
  readonly add: (name: string) => unknown;
  readonly remove: (item: string) => unknown;
  readonly page: (token: string | undefined, size: number) => Promise<Part>;
  readonly error: string;
}
interface Part {
  readonly items: readonly (string | undefined)[];
  readonly next: string | undefined;
}

function part(items: readonly (string | undefined)[] | undefined, next: string | undefined): Part {
  return { items: items ?? [], next };
}

const certificates = await Promise.all(
  Array.from({ length: 5 }, () => account.createKeysAndCertificate({ keyType: 'EC-P256' })),
);
const arnOf = new Map(
  certificates.map(({ certificateArn }, index) => [`item-${index}`, certificateArn]),
);
const groupArn = (name: string) =>
  account.describeThingGroup({ thingGroupName: name }).thingGroupArn;

const LISTS: readonly List[] = [
  {
    name: 'ListThings',
    add: (thingName) => account.createThing({ thingName, attributes: { listed: 'yes' } }),
    remove: (thingName) => account.deleteThing({ thingName }),
    page: async (nextToken, maxResults) => {
      const more = { nextToken, maxResults, attributeName: 'listed', attributeValue: 'yes' };
      const answer = await things.send(new iot.ListThingsCommand(more));
      return part(
        answer.things?.map(({ thingName }) => thingName),
        answer.nextToken,
      );
    },
    error: 'Invalid nextToken',
  },
  {
    name: 'ListThingGroups',
    add: (thingGroupName) => account.createThingGroup({ thingGroupName }),
    remove: (thingGroupName) => account.deleteThingGroup({ thingGroupName }),
    page: async (nextToken, maxResults) => {
      const more = { nextToken, maxResults, namePrefixFilter: 'item' };
      const answer = await things.send(new iot.ListThingGroupsCommand(more));
      return part(
        answer.thingGroups?.map(({ groupName }) => groupName),
        answer.nextToken,
      );
    },
    error: 'Invalid nextToken',
  },
  {
    name: 'ListThingsInThingGroup',
    add: (thingName) => {
      account.createThing({ thingName });
      account.addThingToThingGroup({ thingName, thingGroupName: 'holder' });
    },
    remove: (thingName) => account.deleteThing({ thingName }),
    page: async (nextToken, maxResults) => {
      const more = { nextToken, maxResults, thingGroupName: 'holder' };
      const answer = await things.send(new iot.ListThingsInThingGroupCommand(more));
      return part(answer.things, answer.nextToken);
    },
    error: 'Invalid nextToken',
  },
  {
    name: 'ListThingGroupsForThing',
    add: (thingGroupName) => {
      account.createThingGroup({ thingGroupName });
      account.addThingToThingGroup({ thingName: 'holder', thingGroupName });
    },
    remove: (thingGroupName) => account.deleteThingGroup({ thingGroupName }),
    page: async (nextToken, maxResults) => {
      const more = { nextToken, maxResults, thingName: 'holder' };
      const answer = await things.send(new iot.ListThingGroupsForThingCommand(more));
      return part(
        answer.thingGroups?.map(({ groupName }) => groupName),
        answer.nextToken,
      );
    },
    error: 'Invalid nextToken',
  },
  {
    name: 'ListThingPrincipals',
    add: (name) =>
      account.attachThingPrincipal({ thingName: 'holder', principal: arnOf.get(name) ?? '' }),
    remove: (arn) => account.detachThingPrincipal({ thingName: 'holder', principal: arn }),
    page: async (nextToken, maxResults) => {
      const more = { nextToken, maxResults, thingName: 'holder' };
      const answer = await things.send(new iot.ListThingPrincipalsCommand(more));
      return part(answer.principals, answer.nextToken);
    },
    error: 'Invalid nextToken',
  },
  {
    name: 'ListPrincipalThings',
    add: (thingName) => {
      account.createThing({ thingName });
      account.attachThingPrincipal({ thingName, principal });
    },
    remove: (thingName) => {
      account.detachThingPrincipal({ thingName, principal });
      account.deleteThing({ thingName });
    },
    page: async (nextToken, maxResults) => {
      const more = { nextToken, maxResults, principal };
      const answer = await things.send(new iot.ListPrincipalThingsCommand(more));
      return part(answer.things, answer.nextToken);
    },
    error: 'Invalid nextToken',
  },
  ...[false, true].map(
    (ascendingOrder): List => ({
      name: `ListPolicies, ${ascendingOrder ? 'ascending' : 'descending'}`,
      add: (policyName) => account.createPolicy({ policyName, policyDocument }),
      remove: (policyName) => account.deletePolicy({ policyName }),
      page: async (marker, pageSize) => {
        const more = { marker, pageSize, ascendingOrder };
        const answer = await things.send(new iot.ListPoliciesCommand(more));
        return part(
          answer.policies
            ?.map(({ policyName }) => policyName)
            .filter((name) => name?.startsWith('item')),
          answer.nextMarker,
        );
      },
      error: 'Invalid marker',
    }),
  ),
  {
    name: 'ListAttachedPolicies',
    add: (policyName) => {
      account.createPolicy({ policyName, policyDocument });
      account.attachPolicy({ policyName, target: principal });
    },
    remove: (policyName) => {
      account.detachPolicy({ policyName, target: principal });
      account.deletePolicy({ policyName });
    },
    page: async (marker, pageSize) => {
      const more = { marker, pageSize, target: principal };
      const answer = await things.send(new iot.ListAttachedPoliciesCommand(more));
      return part(
        answer.policies?.map(({ policyName }) => policyName),
        answer.nextMarker,
      );
    },
    error: 'Invalid marker',
  },
  {
    name: 'ListTargetsForPolicy',
    add: (thingGroupName) => {
      account.createThingGroup({ thingGroupName });
      account.attachPolicy({ policyName: 'held', target: groupArn(thingGroupName) });
    },
    remove: (arn) =>
      account.deleteThingGroup({ thingGroupName: arn.slice(arn.lastIndexOf('/') + 1) }),
    page: async (marker, pageSize) => {
      const more = { marker, pageSize, policyName: 'held' };
      const answer = await things.send(new iot.ListTargetsForPolicyCommand(more));
      return part(answer.targets, answer.nextMarker);
    },
    error: 'Invalid marker',
  },
  ...[false, true].map(
    (ascendingOrder): List => ({
      name: `ListRoleAliases, ${ascendingOrder ? 'ascending' : 'descending'}`,
      add: (roleAlias) =>
        account.createRoleAlias({ roleAlias, roleArn: 'arn:aws:iam::123456789012:role/any' }),
      remove: (roleAlias) => account.deleteRoleAlias({ roleAlias }),
      page: async (marker, pageSize) => {
        const more = { marker, pageSize, ascendingOrder };
        const answer = await things.send(new iot.ListRoleAliasesCommand(more));
        return part(answer.roleAliases, answer.nextMarker);
      },
      error: 'Invalid marker',
    }),
  ),
  {
    name: 'ListRoles',
    add: (roleName) =>
      roleAccount.createRole({
        roleName,
        path: '/listed/',
        assumeRolePolicyDocument: TRUST_POLICY,
      }),
    remove: (roleName) => roleAccount.deleteRole({ roleName }),
    page: async (Marker, MaxItems) => {
      const more = { Marker, MaxItems, PathPrefix: '/listed/' };
      const answer = await roles.send(new iam.ListRolesCommand(more));
      return part(
        answer.Roles?.map(({ RoleName }) => RoleName),
        answer.Marker,
      );
    },
    error: 'Invalid Marker.',
  },
  {
    name: 'ListRolePolicies',
    add: (policyName) =>
      roleAccount.putRolePolicy({ roleName: 'holder', policyName, policyDocument }),
    remove: (policyName) => roleAccount.deleteRolePolicy({ roleName: 'holder', policyName }),
    page: async (Marker, MaxItems) => {
      const more = { Marker, MaxItems, RoleName: 'holder' };
      const answer = await roles.send(new iam.ListRolePoliciesCommand(more));
      return part(answer.PolicyNames, answer.Marker);
    },
    error: 'Invalid Marker.',
  },
  {
    name: 'ListAttachedRolePolicies',
    add: (policyName) => {
      const { policyArn } = roleAccount.createPolicy({ policyName, policyDocument });
      roleAccount.attachRolePolicy({ roleName: 'holder', policyArn });
    },
    remove: (policyArn) => {
      roleAccount.detachRolePolicy({ roleName: 'holder', policyArn });
      roleAccount.deletePolicy({ policyArn });
    },
    page: async (Marker, MaxItems) => {
      const more = { Marker, MaxItems, RoleName: 'holder' };
      const answer = await roles.send(new iam.ListAttachedRolePoliciesCommand(more));
      return part(
        answer.AttachedPolicies?.map(({ PolicyArn }) => PolicyArn),
        answer.Marker,
      );
    },
    error: 'Invalid Marker.',
  },
];

describe('the pages of a list', () => {
  it.each(LISTS)('$name: go on where the last item was deleted', async (list) => {
    for (let index = 0; index < 5; index += 1) await list.add(`item-${index}`);
    const all = (await list.page(undefined, 100)).items;
    expect(all).toHaveLength(5);
    const seen: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const { items, next } = await list.page(token, 2);
      for (const item of items) await list.remove(item ?? '');
      seen.push(...items);
      token = next;
    } while (token !== undefined);
    expect(seen).toEqual(all);
    expect((await list.page(undefined, 100)).items).toEqual([]);
  });

  it.each(LISTS)('$name: are not those of any other token', async ({ page, error }) => {
    for (const text of ['x', '[]', '["x","y"]', '{"0":"things","1":"x"}']) {
      const token = Buffer.from(text).toString('base64');
      await expect(page(token, 1)).rejects.toMatchObject({
        message: error,
        $metadata: { httpStatusCode: 400 },
      });
    }
    await expect(page('!', 1)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });
});

describe('certificates', () => {
  it('are listed page by page in the order of creation, also when some are deleted', async () => {
    const ids = account.listCertificates({ ascendingOrder: true });
    for (const ascendingOrder of [true, false]) {
      const first = await things.send(
        new iot.ListCertificatesCommand({ ascendingOrder, pageSize: 2 }),
      );
      const firstIds = first.certificates?.map(({ certificateId = '' }) => certificateId) ?? [];
      for (const certificateId of firstIds) account.deleteCertificate({ certificateId });
      const { nextMarker: marker } = first;
      const next = await things.send(
        new iot.ListCertificatesCommand({ ascendingOrder, pageSize: 100, marker }),
      );
      const listed = [...firstIds, ...(next.certificates ?? []).map((one) => one.certificateId)];
      const left = ascendingOrder ? ids : ids.slice(2).reverse();
      expect(listed).toEqual(left);
    }
  });
});
