import { createHmac } from 'node:crypto';
import { userArn } from '../names/arns.ts';
import { toBase32 } from '../names/ids.ts';
import type { State } from '../state/state.ts';
import { secretOf } from './sealed-credentials.ts';

/** The IAM user that each account has. */
export interface User {
  /** `AIDA` and 17 characters. */
  readonly userId: string;
  /** Its ARN. */
  readonly userArn: string;
  /** `AKIA` and 16 characters. */
  readonly accessKeyId: string;
  /** A secret of 40 characters. */
  readonly secretAccessKey: string;
}

/** Returns the user of an account: it is derived from a key of the account, and not stored. */
export function userOf(state: State): User {
  const hmac = createHmac('sha256', Buffer.from(state.sealingKey, 'hex')).update('user').digest();
  const accessKeyId = `AKIA${toBase32(hmac.subarray(0, 16))}`;
  const userId = `AIDA${toBase32(hmac.subarray(15))}`;
  const secretAccessKey = secretOf(state, accessKeyId);
  return { userId, userArn: userArn(state), accessKeyId, secretAccessKey };
}
