import { partitionOf } from './partitions.ts';

/** Account and region of a resource. */
export interface Owner {
  readonly accountId: string;
  readonly region: string;
}

/** The parts of an ARN. */
export interface Arn {
  /** Such as `aws`. */
  readonly partition: string;
  /** Such as `iam`. */
  readonly service: string;
  /** Empty for a resource that is in all regions. */
  readonly region: string;
  /** Empty for a resource without an account. */
  readonly accountId: string;
  /** Such as `role/my-role`. */
  readonly resource: string;
}

const ARN = /^arn:([^:]+):([^:]+):([^:]*):([^:]*):(.+)$/s;

/** Returns the parts of an ARN; undefined for a text that is none. */
export function parseArn(text: string): Arn | undefined {
  const [, partition, service, region = '', accountId = '', resource] = ARN.exec(text) ?? [];
  if (partition === undefined || service === undefined || resource === undefined) return undefined;
  return { partition, service, region, accountId, resource };
}

/** Whether it is the ARN of a role, in any account. */
export function isRoleArn({ service, region, accountId, resource }: Arn): boolean {
  const isOfAccount = service === 'iam' && region === '' && /^\d{12}$/.test(accountId);
  return isOfAccount && /^role\/./.test(resource);
}

/** The ARN of a resource of AWS IoT. */
export function iotArn({ region, accountId }: Owner, resource: string): string {
  return `arn:${partitionOf(region).name}:iot:${region}:${accountId}:${resource}`;
}

/** The ARN of a role alias. */
export function roleAliasArn(owner: Owner, roleAlias: string): string {
  return iotArn(owner, `rolealias/${roleAlias}`);
}

/** The ARN of a thing group. */
export function thingGroupArn(owner: Owner, thingGroupName: string): string {
  return iotArn(owner, `thinggroup/${thingGroupName}`);
}

/** The ARN of a resource of IAM. */
export function iamArn({ region, accountId }: Owner, resource: string): string {
  return `arn:${partitionOf(region).name}:iam::${accountId}:${resource}`;
}

/** The ARN of a role. */
export function roleArn(owner: Owner, roleName: string, path = '/'): string {
  return iamArn(owner, `role${path}${roleName}`);
}

/** The name of the IAM user that each account has. */
const USER_NAME = 'developer';

/** The ARN of the IAM user that each account has. */
export function userArn(owner: Owner): string {
  return iamArn(owner, `user/${USER_NAME}`);
}

/** The ARN of a session of a role. */
export function sessionArn(owner: Owner, roleName: string, sessionName: string): string {
  const { region, accountId } = owner;
  const resource = `assumed-role/${roleName}/${sessionName}`;
  return `arn:${partitionOf(region).name}:sts::${accountId}:${resource}`;
}

/** An ARN or a name from a client as it is shown in messages: in printable ASCII. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
