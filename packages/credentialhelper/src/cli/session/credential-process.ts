import type { Command } from 'commander';
import { certificateId, readCertificates } from '../../identity/certificate.ts';
import { pipesOf, type Source } from '../../identity/read-source.ts';
import { checkOptions, type FromIotCoreInit, type Settings } from '../../options/options.ts';
import { printJson } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { type CachedCredentials, cachedCredentials } from './credential-cache.ts';
import { addSessionOptions, type SessionFlags, sessionOptions } from './flags.ts';
import { firstCredentials, openSource, withRegion } from './open.ts';

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

async function credentialsFor(flags: SessionFlags): Promise<CachedCredentials> {
  const init = await sessionOptions(flags);
  const settings = withRegion(checkOptions(init));
  const fetch = async () => firstCredentials(await openSource(settings), settings);
  const identity = flags.cache === false ? undefined : identityOf(settings, init);
  if (identity === undefined) return fetch();
  // Longer than the exchange of another process can take.
  return cachedCredentials(identity, settings.maxWaitMs + 2 * settings.timeoutMs, fetch);
}

/** What the credentials depend on; undefined for a certificate from a pipe, which can be read only once. */
function identityOf(
  { key, endpoint, roleAlias, thingName }: Settings,
  { pkcs11 }: FromIotCoreInit,
): readonly unknown[] | undefined {
  const target = [endpoint.authority, roleAlias, thingName ?? null];
  const inToken = key.kind === 'token' ? key.certificate : undefined;
  if (inToken !== undefined && 'match' in inToken) {
    const { library, tokenLabel, tokenSerial, slotId, privateKeyLabel, uri } = pkcs11 ?? {};
    return [
      ...target,
      inToken.match,
      library,
      tokenLabel,
      tokenSerial,
      slotId,
      privateKeyLabel,
      uri,
    ];
  }
  const certificate = key.kind === 'file' ? key.certificate : inToken?.source;
  if (pipesOf([certificate]).length > 0) return undefined;
  const ids = readCertificates(certificate as Source, 'certificate').map(certificateId);
  return [...target, ...ids];
}
