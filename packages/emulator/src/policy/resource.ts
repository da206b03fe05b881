/** The defect of an ARN that IAM cannot take apart, for which it has no message. */
export const MISREAD_ARN = 'ARN';

const IAM_PATHS = [
  ...['user/', 'federated-user/', 'role/', 'group/', 'instance-profile/', 'mfa/'],
  ...['server-certificate/', 'policy/', 'sms-mfa/', 'saml-provider/', 'oidc-provider/', 'report/'],
  'access-report/',
];
const ARN_PARTS = 6;

/**
 * What is wrong with a resource in a policy of IAM, in IAM's words; undefined if it is `*` or an ARN, which may have
 * wildcards.
 */
export function resourceDefect(resource: string, partition: string): string | undefined {
  if (resource === '*') return undefined;
  const parts = resource.split(':');
  const [prefix, itsPartition, service, region = '', account = ''] = parts;
  const path = parts.slice(ARN_PARTS - 1).join(':');
  const notArn = `Resource ${resource} must be in ARN format or "*".`;
  if (itsPartition === undefined) return notArn;
  if (prefix === 'arn' && parts.length < ARN_PARTS && resource.includes('::')) return MISREAD_ARN;
  if (itsPartition !== partition && !hasWildcard(itsPartition)) {
    return partitionDefect(parts);
  }
  if (prefix !== 'arn') return notArn;
  if (service === undefined || hasWildcard(service)) {
    return 'Resource vendor must be fully qualified and cannot contain regexes.';
  }
  if (service === '') return MISREAD_ARN;
  if (service === 'iam') return iamDefect(resource, region, path);
  // Access points, for example, have a region and an account; buckets have none.
  const isInRegion = hasWildcard(region) || (account !== '' && path.includes('/'));
  return service === 's3' && region !== '' && !isInRegion
    ? `Resource ${resource} can not contain region information.`
    : undefined;
}

/** IAM names the ARN as it reads it: what is missing is `*`. */
function partitionDefect(parts: readonly string[]): string {
  const [partition, service = '*', region = '*', account = '*', ...path] = parts.slice(1);
  const read = [partition, service, region, account, path.length === 0 ? '*' : path.join(':')];
  return `Partition "${partition}" is not valid for resource "arn:${read.join(':')}".`;
}

function iamDefect(resource: string, region: string, path: string): string | undefined {
  if (region !== '') return `IAM resource ${resource} cannot contain region information.`;
  const isPath =
    path === 'root' ||
    /^[^/]*[*?$]/.test(path) ||
    IAM_PATHS.some((beginning) => path.startsWith(beginning));
  return isPath
    ? undefined
    : `IAM resource path must either be "*", root, or start with ${IAM_PATHS.join(', ')}.`;
}

function hasWildcard(text: string): boolean {
  return /[*?]/.test(text);
}
