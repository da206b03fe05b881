/** The profiles of a file, by name. */
export type Profiles = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>;

/**
 * Parses the text of a configuration or credentials file of the AWS SDKs, with the SDK's own loader. It gets the text: it
 * would read a file itself, and find no profiles in one that it cannot read.
 *
 * @returns the profiles as the SDKs find them in a configuration file, and in a credentials file
 */
export async function parseProfiles(
  text: string,
): Promise<{ readonly configFile: Profiles; readonly credentialsFile: Profiles }> {
  const { externalDataInterceptor, loadSharedConfigFiles } = await import('@smithy/core/config');
  externalDataInterceptor.interceptFile(NAME, text);
  const parsed = loadSharedConfigFiles({ configFilepath: NAME, filepath: NAME });
  // Other calls have texts of their own.
  delete externalDataInterceptor.getFileRecord()[NAME];
  return parsed;
}

/** The loader knows the text by a name of its own. */
const NAME = 'awsiot-credentialhelper:profiles';
