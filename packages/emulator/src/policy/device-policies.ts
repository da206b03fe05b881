/** The service principal of the credential provider, in trust policies of roles. */
export const CREDENTIALS_SERVICE = 'credentials.iot.amazonaws.com';

/** The action that allows a certificate to use a role alias, in AWS IoT policies. */
export const USE_ROLE_ALIAS = 'iot:AssumeRoleWithCertificate';

/** A trust policy that allows the credential provider to assume a role. */
export const CREDENTIALS_TRUST_POLICY: string = toDocument({
  Principal: { Service: CREDENTIALS_SERVICE },
  Action: 'sts:AssumeRole',
});

/** Returns an AWS IoT policy that allows a certificate to use a role alias. */
export function roleAliasPolicy(roleAliasArn: string): string {
  return toDocument({ Action: USE_ROLE_ALIAS, Resource: roleAliasArn });
}

function toDocument(allowed: object): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', ...allowed } });
}
