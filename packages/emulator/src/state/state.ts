import { randomBytes } from 'node:crypto';
import { makeAccessKeyId, makeSecretAccessKey } from '../names/ids.ts';
import { createPki, type Pki } from '../pki/pki.ts';
import type { Relations, Tables } from './records.ts';
import { createRelation } from './relation.ts';

/** The fixed part of an account, as plain JSON. */
export interface Foundation {
  /** The version of the format of the folder. */
  readonly version: 2;
  readonly accountId: string;
  readonly region: string;
  readonly pki: Pki;
  /** The administrator's access key. */
  readonly administrator: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The key that derives and seals temporary credentials: 32 bytes, as hexadecimal digits. */
  readonly sealingKey: string;
}

/** The state of the emulator. */
export interface State extends Foundation, Tables, Relations {}

/** Creates the keys and certificate authorities of a new account. */
export async function createFoundation(
  accountId: string,
  region: string,
  nowMs: number,
): Promise<Foundation> {
  return {
    version: 2,
    accountId,
    region,
    pki: await createPki(region, nowMs),
    administrator: {
      accessKeyId: makeAccessKeyId('AKIA'),
      secretAccessKey: makeSecretAccessKey(),
    },
    sealingKey: randomBytes(32).toString('hex'),
  };
}

/** Returns the state of an account that has no records. */
export function emptyState(foundation: Foundation): State {
  return { ...foundation, ...emptyTables(), ...emptyRelations() };
}

/** The tables that each relation links. */
export const RELATED: Readonly<
  Record<keyof Relations, readonly [source: keyof Tables, target: keyof Tables]>
> = {
  thingCertificates: ['things', 'certificates'],
  thingMemberships: ['things', 'thingGroups'],
  certificatePolicies: ['certificates', 'policies'],
  thingGroupPolicies: ['thingGroups', 'policies'],
};

/** The names of the tables. */
export const TABLES: readonly (keyof Tables)[] = [
  'things',
  'certificates',
  'policies',
  'roleAliases',
  'roles',
  'roleUses',
  'managedPolicies',
  'thingTypes',
  'thingGroups',
  'caCertificates',
];

function emptyTables(): Tables {
  // Without a prototype, every name is an ordinary key, also `__proto__`.
  const tables = TABLES.map((table) => [table, Object.create(null)] as const);
  return Object.fromEntries(tables) as unknown as Tables;
}

function emptyRelations(): Relations {
  const relations = Object.keys(RELATED).map((relation) => [relation, createRelation()] as const);
  return Object.fromEntries(relations) as unknown as Relations;
}
