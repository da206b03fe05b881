/** A partition of AWS: its regions, with accounts and endpoints of their own. */
export interface Partition {
  /** The second part of its ARNs. */
  readonly name: string;
  /** The DNS suffix of its endpoints. */
  readonly dnsSuffix: string;
  /** The region that requests to IAM are signed for. */
  readonly iamRegion: string;
}

const AWS: Partition = { name: 'aws', dnsSuffix: 'amazonaws.com', iamRegion: 'us-east-1' };

/** By the beginnings of their regions: those of the endpoint rules of the AWS SDKs (`partitions.json`). */
const OTHERS: ReadonlyMap<string, Partition> = new Map([
  ['cn-', { name: 'aws-cn', dnsSuffix: 'amazonaws.com.cn', iamRegion: 'cn-north-1' }],
  ['us-gov-', { name: 'aws-us-gov', dnsSuffix: 'amazonaws.com', iamRegion: 'us-gov-west-1' }],
  ['us-iso-', { name: 'aws-iso', dnsSuffix: 'c2s.ic.gov', iamRegion: 'us-iso-east-1' }],
  ['us-isob-', { name: 'aws-iso-b', dnsSuffix: 'sc2s.sgov.gov', iamRegion: 'us-isob-east-1' }],
  ['eu-isoe-', { name: 'aws-iso-e', dnsSuffix: 'cloud.adc-e.uk', iamRegion: 'eu-isoe-west-1' }],
  ['us-isof-', { name: 'aws-iso-f', dnsSuffix: 'csp.hci.ic.gov', iamRegion: 'us-isof-south-1' }],
  ['eusc-', { name: 'aws-eusc', dnsSuffix: 'amazonaws.eu', iamRegion: 'eusc-de-east-1' }],
]);

/** Returns the partition of a region. */
export function partitionOf(region: string): Partition {
  for (const [prefix, partition] of OTHERS) if (region.startsWith(prefix)) return partition;
  return AWS;
}
