import { printLine } from '../output.ts';
import { type Profile, ProfileFile } from '../profiles/profile-file.ts';

/** Keys of a profile by which AWS SDKs get its credentials. */
const SOURCES = [
  ...['aws_access_key_id', 'role_arn', 'web_identity_token_file', 'credential_process'],
  ...['sso_session', 'sso_start_url', 'login_session'],
];

/**
 * Warns if the default profile has credentials: AWS SDKs prefer them to an endpoint, and would use another identity than the
 * user expects. A profile of `configure` gets those of the device, too.
 */
export async function warnOfPreferredProfile(environment: NodeJS.ProcessEnv): Promise<void> {
  for (const kind of ['credentials', 'config'] as const) {
    const file = ProfileFile.of(kind, environment);
    // A file that cannot be read is none for the SDKs either.
    const { default: profile = {} } = await file.read().catch((): Record<string, Profile> => ({}));
    const source = SOURCES.find((key) => profile[key] !== undefined);
    if (source === undefined || profile.credential_process?.includes('awsiot-credentialhelper'))
      continue;
    printLine(
      'warning',
      `the command prefers the credentials of profile "default" in ${file.path} (${source}) to those of the device`,
    );
    printLine(
      'hint',
      'pass --env, or set AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE to another file',
    );
    return;
  }
}
