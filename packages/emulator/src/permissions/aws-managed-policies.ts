/**
 * The documents of policies that AWS manages, as text: those that are short and do not change from year to year (AWS
 * Managed Policy Reference).
 */
const DOCUMENTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    AdministratorAccess: '*',
    AWSIoTFullAccess: ['iot:*', 'iotjobsdata:*'],
    AmazonS3FullAccess: ['s3:*', 's3-object-lambda:*'],
    AmazonS3ReadOnlyAccess: [
      's3:Get*',
      's3:List*',
      's3:Describe*',
      's3-object-lambda:Get*',
      's3-object-lambda:List*',
    ],
    IAMReadOnlyAccess: [
      'iam:GenerateCredentialReport',
      'iam:GenerateServiceLastAccessedDetails',
      'iam:Get*',
      'iam:List*',
      'iam:SimulateCustomPolicy',
      'iam:SimulatePrincipalPolicy',
    ],
  }).map(([name, Action]) => {
    const Statement = [{ Effect: 'Allow', Action, Resource: '*' }];
    return [name, JSON.stringify({ Version: '2012-10-17', Statement }, undefined, 2)];
  }),
);

/**
 * Returns the document of a policy that AWS manages; undefined if the emulator does not have it.
 *
 * @param name - with its path, without the first slash
 */
export function awsManagedDocument(name: string): string | undefined {
  return DOCUMENTS.get(name);
}
