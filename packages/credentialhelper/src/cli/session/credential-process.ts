import type { Command } from 'commander';
import { EXIT_STATUS_HELP } from '../usage.ts';
import type { SessionFlags } from './flags.ts';
import { addSessionOptions } from './options.ts';
import { printCredentials } from './print-credentials.ts';

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
      await printCredentials(flags);
    });
}
