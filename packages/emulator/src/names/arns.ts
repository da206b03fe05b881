/** Account and region of a resource. */
interface Owner {
  readonly accountId: string;
  readonly region: string;
}

/** The ARN of a resource of AWS IoT. */
export function iotArn({ region, accountId }: Owner, resource: string): string {
  return `arn:aws:iot:${region}:${accountId}:${resource}`;
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
export function iamArn({ accountId }: Owner, resource: string): string {
  return `arn:aws:iam::${accountId}:${resource}`;
}

/** The ARN of a role. */
export function roleArn(owner: Owner, roleName: string, path = '/'): string {
  return iamArn(owner, `role${path}${roleName}`);
}
