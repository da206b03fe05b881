import { createHash } from 'node:crypto';
import { memoize } from '../memo.ts';
import type { Owner } from './arns.ts';
import { partitionOf } from './partitions.ts';

/** The host name of the emulator: not an address, so that clients send it in the TLS handshake. */
export const LOCAL_NAME = 'localhost';

/** The address that only programs on this machine can connect to. */
export const LOOPBACK = '127.0.0.1';

/** The address for listening on all interfaces. */
export const ALL_INTERFACES = '0.0.0.0';

/** Whose credential provider a host name belongs to. */
export type EndpointOwner = 'this account' | 'another account' | 'nobody';

/** The account-specific prefix of endpoints: a letter and 13 digits or letters. */
export function endpointPrefix(accountId: string, letter: 'a' | 'c'): string {
  return letter + digitsOf(accountId);
}

const digitsOf = memoize(10, (accountId) =>
  createHash('sha256').update(`endpoint ${accountId}`).digest('hex').slice(0, 13),
);

/** The host name of the account's credential provider on AWS. */
export function credentialsHostName({ accountId, region }: Owner): string {
  return `${endpointPrefix(accountId, 'c')}.${credentialsDomain(region)}`;
}

/** The domain of the credential providers of a region on AWS. */
export function credentialsDomain(region: string): string {
  return `credentials.iot.${region}.${partitionOf(region).dnsSuffix}`;
}

/**
 * Returns whose credential provider a client addressed, by the name in the TLS handshake or in `Host` (without a port).
 */
export function endpointOwner(account: Owner, name: string): EndpointOwner {
  const lowerCaseName = name.toLowerCase();
  if (lowerCaseName === LOCAL_NAME || lowerCaseName === credentialsHostName(account)) {
    return 'this account';
  }
  const [, ...domain] = lowerCaseName.split('.');
  return domain.join('.') === credentialsDomain(account.region) ? 'another account' : 'nobody';
}
