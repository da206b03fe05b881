import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { ownCacheFolder } from '../cache-folder.ts';
import { printJson } from '../output.ts';
import { describeCall, readRecent } from './recent-call.ts';

/**
 * Prints the credentials in the cache, if this is a call of `credential-process` that was made before: the rest of the
 * program does not need to be loaded.
 *
 * @returns whether it was, and they are valid for long enough
 */
export function printRecent(args: readonly string[], environment: NodeJS.ProcessEnv): boolean {
  if (args[0] !== 'credential-process' || args.includes('--no-cache')) return false;
  const folder = ownCacheFolder('credentials');
  if (folder === undefined) return false;
  const credentials = readRecent(folder, describeCall(args, environment));
  if (credentials !== undefined) printForProcess(credentials);
  return credentials !== undefined;
}

/** Prints credentials for AWS SDKs (AWS SDKs and Tools Reference Guide, "Process credential provider"). */
export function printForProcess(credentials: TemporaryCredentials): void {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  printJson({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration.toISOString(),
  });
}
