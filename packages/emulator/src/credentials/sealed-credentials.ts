import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { memoize } from '../memo.ts';
import { makeAccessKeyId } from '../names/ids.ts';
import type { Variables } from '../policy/pattern.ts';
import type { State } from '../state/state.ts';

/** Whose temporary credentials they are: a role's session, or the root user or the IAM user (`GetSessionToken`). */
export type Principal =
  | { readonly kind: 'root' | 'user' }
  | {
      readonly kind: 'role';
      readonly roleName: string;
      /** Another role may have the name later. */
      readonly roleId: string;
      readonly sessionName: string;
      /** The condition keys that the session has since it began; missing in tokens of older versions. */
      readonly variables?: Variables;
    };

/** The identity and the expiration of temporary credentials. */
export interface Grant {
  readonly principal: Principal;
  /** Epoch milliseconds. */
  readonly expirationMs: number;
}

/** Temporary credentials. */
export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** ISO 8601, without milliseconds. */
  readonly expiration: string;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Issues credentials whose session token contains the encrypted grant: nothing is stored, and they stay valid after a
 * restart.
 */
export function issueCredentials(state: State, grant: Grant): TemporaryCredentials {
  const accessKeyId = makeAccessKeyId('ASIA');
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keysOf(state.sealingKey).token, iv);
  cipher.setAAD(Buffer.from(accessKeyId));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(grant)), cipher.final()]);
  return {
    accessKeyId,
    secretAccessKey: secretOf(state, accessKeyId),
    sessionToken: Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64'),
    expiration: `${new Date(grant.expirationMs).toISOString().slice(0, -'.000Z'.length)}Z`,
  };
}

/** The secret access key for an id from {@link issueCredentials}. */
export function secretOf(state: State, accessKeyId: string): string {
  const hmac = createHmac('sha256', keysOf(state.sealingKey).sealing);
  return hmac.update(`secret ${accessKeyId}`).digest('base64').slice(0, 40);
}

/** The grant in a session token; undefined for a foreign token, or that of another access key. */
export function openSessionToken(
  state: State,
  accessKeyId: string,
  sessionToken: string,
): Grant | undefined {
  const bytes = Buffer.from(sessionToken, 'base64');
  if (bytes.length <= IV_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(
    'aes-256-gcm',
    keysOf(state.sealingKey).token,
    bytes.subarray(0, IV_BYTES),
  );
  decipher.setAAD(Buffer.from(accessKeyId));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
  try {
    decipher.final();
  } catch {
    // It was not sealed with this key, or not for this access key.
    return undefined;
  }
  return JSON.parse(text.toString('utf8')) as Grant;
}

/** The keys of an account, from its sealing key. */
const keysOf = memoize(
  10,
  (sealingKey): { readonly sealing: KeyObject; readonly token: KeyObject } => {
    const sealing = createSecretKey(sealingKey, 'hex');
    const token = Buffer.from(hkdfSync('sha256', sealing, '', 'session token', 32));
    return { sealing, token: createSecretKey(token) };
  },
);
