import { randomBytes } from 'node:crypto';
import { makeAccessKeyId } from '../names/ids.ts';
import { createPki, type Pki } from '../pki/pki.ts';
import type { Tables } from './records.ts';

/** The state of the emulator, as plain JSON. */
export interface State extends Tables {
  /** The version of the format. */
  readonly version: 1;
  readonly accountId: string;
  readonly region: string;
  readonly pki: Pki;
  /** The administrator's access key. */
  readonly administrator: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The key that derives and seals temporary credentials: 32 bytes, as hexadecimal digits. */
  readonly sealingKey: string;
}

/** Creates a new account: keys, certificate authorities, and nothing else. */
export async function createState(
  accountId: string,
  region: string,
  nowMs: number,
): Promise<State> {
  return {
    version: 1,
    accountId,
    region,
    pki: await createPki(region, nowMs),
    administrator: {
      accessKeyId: makeAccessKeyId('AKIA'),
      secretAccessKey: randomBytes(30).toString('base64url'),
    },
    sealingKey: randomBytes(32).toString('hex'),
    ...emptyTables(),
  };
}

/** Returns the tables of an empty account. */
export function emptyTables(): Tables {
  return {
    things: {},
    certificates: {},
    policies: {},
    roleAliases: {},
    roles: {},
    managedPolicies: {},
    thingTypes: {},
    thingGroups: {},
    caCertificates: {},
  };
}
