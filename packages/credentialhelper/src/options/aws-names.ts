import type { ErrorCode } from '../error-codes.ts';

/** An AWS host name that is not that of a credential provider. */
export interface OtherAwsName {
  readonly code: ErrorCode;
  /** As a clause: `is AWS IoT's data endpoint`. */
  readonly what: string;
  /** The corresponding name of the credential provider. */
  readonly instead: string;
}

/** The pattern of region names, such as `eu-west-1` or `us-gov-east-1`. */
export const REGION = '[a-z]{2,}(?:-[a-z]+)+-\\d+';

/** The DNS suffixes of all partitions, including dual-stack endpoints. */
const SUFFIX = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'amazonaws.eu',
  'c2s.ic.gov',
  'sc2s.sgov.gov',
  'cloud.adc-e.uk',
  'csp.hci.ic.gov',
  'api.aws',
  'api.amazonwebservices.com.cn',
  'api.amazonwebservices.eu',
  'api.aws.ic.gov',
  'api.aws.scloud',
  'api.cloud-aws.adc-e.uk',
  'api.aws.hci.ic.gov',
]
  .map((suffix) => suffix.replaceAll('.', '\\.'))
  .join('|');

/** The labels before the region, the region, and the suffix; VPC endpoints have `vpce` before the suffix. */
const REGIONAL = new RegExp(`^([a-z0-9_.-]+)\\.(${REGION})\\.((?:vpce\\.)?(?:${SUFFIX}))$`);
const GLOBAL = new RegExp(`^([a-z0-9-]+|credentials\\.iot)\\.(?:${SUFFIX})$`);

/**
 * Recognizes an AWS host name that is not that of a credential provider: AWS IoT's other endpoints (AWS General
 * Reference, "AWS IoT Core endpoints and quotas"), and those of other services. Names of the user's own proxies on AWS,
 * such as load balancers, are not rejected.
 *
 * @param host - in lower case
 * @returns undefined for every other name
 */
export function otherAwsName(host: string): OtherAwsName | undefined {
  const [, before = '', region, suffix = ''] = REGIONAL.exec(host) ?? [];
  if (region === undefined) return globalName(host);
  const labels = before.split('.');
  const last = labels.pop() ?? '';
  if (last === 'iot' || last === 'iot-fips') {
    return iotName(labels, `<prefix>.credentials.${last}.${region}.${suffix}`);
  }
  // The user's own VPC endpoint service has such a name too.
  const isOwn = last.startsWith('vpce-svc-');
  const isService = !isOwn && (labels.length === 0 || suffix.startsWith('vpce.'));
  const instead = `<prefix>.credentials.iot.${region}.${suffix}`;
  return isService ? refused(`is ${service(last)}`, instead) : undefined;
}

function globalName(host: string): OtherAwsName | undefined {
  const [, name] = GLOBAL.exec(host) ?? [];
  if (name === undefined) return undefined;
  const what =
    name === 'credentials.iot'
      ? 'is the service principal for trust policies of IAM roles'
      : `is ${service(name)}`;
  return refused(what, '<prefix>.credentials.iot.<region>.amazonaws.com');
}

/** A host name of AWS IoT, by the labels before `iot`. */
function iotName(labels: readonly string[], instead: string): OtherAwsName | undefined {
  switch (labels.at(-1)) {
    case undefined:
      return refused("is AWS IoT's control plane", instead);
    case 'credentials':
      return labels.length > 1 ? undefined : refused('lacks the account-specific prefix', instead);
    case 'tunneling':
      return refused('is the endpoint of secure tunneling', instead);
    case 'jobs':
      return data("is AWS IoT's data endpoint for jobs", instead);
    case 'ats':
    case 'data':
      return data("is AWS IoT's data endpoint", instead);
    default:
      return labels.length === 1
        ? data("is AWS IoT's data endpoint", instead)
        : refused('is not the name of a credential provider', instead);
  }
}

function service(name: string): string {
  return `the endpoint of the AWS service "${name}"`;
}

function refused(what: string, instead: string): OtherAwsName {
  return { code: 'ERR_INVALID_OPTION', what, instead };
}

function data(what: string, instead: string): OtherAwsName {
  return { code: 'ERR_DATA_ENDPOINT', what, instead };
}
