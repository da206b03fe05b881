import type { Command } from 'commander';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { makeCacheFolder } from '../cache-folder.ts';
import { printJson } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import {
  addSessionOptions,
  checkRequired,
  findSessionSettings,
  type SessionFlags,
} from './flags.ts';
import { readRecent } from './recent-settings.ts';

/** Defines `credential-process`. */
export function defineCredentialProcess(command: Command): void {
  addSessionOptions(command)
    .description(
      'Print credentials for the credential_process setting of the AWS CLI and the AWS SDKs. Processes share them in a cache, until 15 minutes before they expire.',
    )
    .option('--no-cache', 'neither read nor write the cache')
    .addHelpText(
      'after',
      `
Example, in ~/.aws/config:
  [profile my-thing]
  credential_process = awsiot-credentialhelper credential-process --profile my-thing
  region = eu-west-1
  iot_credential_endpoint = a1b2c3d4e5f6g7.credentials.iot.eu-west-1.amazonaws.com
  iot_role_alias = my-role-alias
  iot_thing_name = my-thing
  iot_certificate = /etc/my-thing/cert.pem
  iot_private_key = /etc/my-thing/key.pem
${EXIT_STATUS_HELP}`,
    )
    .action(async (flags: SessionFlags) => {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } =
        await credentialsFor(flags);
      // AWS SDKs and Tools Reference Guide, "Process credential provider".
      printJson({
        Version: 1,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: expiration.toISOString(),
      });
    });
}

async function credentialsFor(flags: SessionFlags): Promise<TemporaryCredentials> {
  const found = await findSessionSettings(flags);
  checkRequired(found);
  const folder = flags.cache === false ? undefined : makeCacheFolder('credentials');
  const recent = folder === undefined ? undefined : readRecent(folder, found);
  if (recent !== undefined) return recent;
  // Loaded here: it takes longer than all the rest.
  const { sharedCredentials } = await import('./shared-credentials.ts');
  return sharedCredentials(folder, found);
}
