import type { ErrorCode } from '../../error-codes.ts';
import { fix, or, show } from './commands.ts';
import type { RemedyCommand } from './finding.ts';

/** The names of a device, for the commands of the AWS CLI. */
export interface DeviceNames {
  readonly region: string;
  readonly roleAlias: string;
  readonly thingName: string | undefined;
  /** The id of the certificate in AWS IoT. */
  readonly certificateId: string;
  /** The path of its file, if it has one. */
  readonly certificateFile: string | undefined;
}

/** Placeholders in commands: only the administrator of the account knows them. */
const ACCOUNT = 'ACCOUNT';
const ROLE = 'ROLE';

/** The commands of the AWS CLI that show and fix the resource that an answer of the credential provider is about. */
export function serviceCommands(code: ErrorCode, names: DeviceNames): readonly RemedyCommand[] {
  return (COMMANDS[code]?.(names) ?? []).map(({ purpose, command }) => ({
    purpose,
    // Also for IAM, which has no regions: the AWS CLI reads the partition from it.
    command: `${command} --region ${names.region}`,
  }));
}

/** The meaning of the placeholders in commands; undefined if they have none. */
export function explainPlaceholders(commands: readonly RemedyCommand[]): string | undefined {
  const has = (word: string) =>
    commands.some(({ command }) => new RegExp(`\\b${word}\\b`).test(command));
  const meanings = [
    ...(has(ACCOUNT) ? [`${ACCOUNT} is the id of your AWS account`] : []),
    ...(has(ROLE) ? [`${ROLE} is the name of the IAM role of the role alias`] : []),
  ];
  return meanings.length === 0 ? undefined : meanings.join(', ');
}

const COMMANDS: Partial<Record<ErrorCode, (names: DeviceNames) => readonly RemedyCommand[]>> = {
  ERR_CERTIFICATE_NOT_REGISTERED: ({ certificateId, certificateFile = 'CERTIFICATE.pem' }) => [
    show('aws', 'iot', 'describe-certificate', '--certificate-id', certificateId),
    show('aws', 'iot', 'describe-endpoint', '--endpoint-type', 'iot:CredentialProvider'),
    fix(
      ...['aws', 'iot', 'update-certificate', '--certificate-id', certificateId],
      ...['--new-status', 'ACTIVE'],
    ),
    or(
      ...['aws', 'iot', 'register-certificate-without-ca', '--status', 'ACTIVE'],
      ...['--certificate-pem', `file://${certificateFile}`],
    ),
  ],
  ERR_THING_NAME: ({ thingName = 'THING', ...names }) => [
    show('aws', 'iot', 'list-thing-principals', '--thing-name', thingName),
    show('aws', 'iot', 'list-principal-things', '--principal', certificateArn(names)),
    fix('aws', 'iot', 'create-thing', '--thing-name', thingName),
    fix(
      ...['aws', 'iot', 'attach-thing-principal', '--thing-name', thingName],
      ...['--principal', certificateArn(names)],
    ),
  ],
  ERR_ACCESS_DENIED: (names) => {
    const policyName = `assume-${names.roleAlias}`.slice(0, MAX_POLICY_NAME);
    const target = certificateArn(names);
    return [
      show('aws', 'iot', 'list-attached-policies', '--target', target),
      show('aws', 'iot', 'list-role-aliases'),
      fix(
        ...['aws', 'iot', 'create-policy', '--policy-name', policyName],
        ...['--policy-document', iotPolicy(names)],
      ),
      fix('aws', 'iot', 'attach-policy', '--policy-name', policyName, '--target', target),
    ];
  },
  ERR_ROLE_ALIAS_NOT_FOUND: ({ roleAlias, region }) => [
    show('aws', 'iot', 'list-role-aliases'),
    fix(
      ...['aws', 'iot', 'create-role-alias', '--role-alias', roleAlias],
      ...['--role-arn', `arn:${partitionOf(region)}:iam::${ACCOUNT}:role/${ROLE}`],
    ),
  ],
  ERR_ROLE_NOT_ASSUMABLE: ({ roleAlias }) => [
    show('aws', 'iot', 'describe-role-alias', '--role-alias', roleAlias),
    show('aws', 'iam', 'get-role', '--role-name', ROLE),
    fix(
      ...['aws', 'iam', 'update-assume-role-policy', '--role-name', ROLE],
      ...['--policy-document', TRUST_POLICY],
    ),
    or(
      ...['aws', 'iam', 'create-role', '--role-name', ROLE],
      ...['--assume-role-policy-document', TRUST_POLICY],
    ),
  ],
  ERR_DURATION_EXCEEDS_ROLE: ({ roleAlias }) => [
    show('aws', 'iot', 'describe-role-alias', '--role-alias', roleAlias),
    show('aws', 'iam', 'get-role', '--role-name', ROLE),
    fix(
      ...['aws', 'iot', 'update-role-alias', '--role-alias', roleAlias],
      ...['--credential-duration-seconds', DEFAULT_DURATION_S],
    ),
    or(
      ...['aws', 'iam', 'update-role', '--role-name', ROLE],
      ...['--max-session-duration', MAX_DURATION_S],
    ),
  ],
};

const MAX_POLICY_NAME = 128;
/** The shortest that `MaxSessionDuration` of a role can be. */
const DEFAULT_DURATION_S = '3600';
/** The longest duration of a role alias. */
const MAX_DURATION_S = '43200';

function certificateArn({
  region,
  certificateId,
}: Pick<DeviceNames, 'region' | 'certificateId'>): string {
  return `arn:${partitionOf(region)}:iot:${region}:${ACCOUNT}:cert/${certificateId}`;
}

function iotPolicy({ region, roleAlias }: DeviceNames): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'iot:AssumeRoleWithCertificate',
        Resource: `arn:${partitionOf(region)}:iot:${region}:${ACCOUNT}:rolealias/${roleAlias}`,
      },
    ],
  });
}

const TRUST_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'credentials.iot.amazonaws.com' },
      Action: 'sts:AssumeRole',
    },
  ],
});

/** The partitions other than `aws`, by the beginnings of their regions. */
const PARTITIONS = {
  'cn-': 'aws-cn',
  'us-gov-': 'aws-us-gov',
  'us-isob-': 'aws-iso-b',
  'us-isof-': 'aws-iso-f',
  'eu-isoe-': 'aws-iso-e',
  'us-iso-': 'aws-iso',
  'eusc-': 'aws-eusc',
};

function partitionOf(region: string): string {
  const found = Object.entries(PARTITIONS).find(([prefix]) => region.startsWith(prefix));
  return found?.[1] ?? 'aws';
}
