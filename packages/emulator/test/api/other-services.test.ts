import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { type RawRequest, sendRaw, signRaw } from '../support/raw-api.ts';

const emulator = await startEmulator();
afterAll(() => emulator.close());

/** The operation of each service that boto3 calls, by its name there, with the name in signatures if it is another. */
const CALLS: readonly (readonly [string, string, object, string?])[] = [
  ['s3', 'list_buckets', {}],
  ['s3', 'get_object', { Bucket: 'bucket', Key: 'key' }],
  ['s3', 'put_object', { Bucket: 'bucket', Key: 'key', Body: 'x'.repeat(3_000_000) }],
  ['dynamodb', 'list_tables', {}],
  ['lambda', 'list_functions', {}],
  ['sqs', 'list_queues', {}],
  ['sns', 'list_topics', {}],
  ['ec2', 'describe_regions', {}],
  ['kms', 'list_keys', {}],
  ['cloudwatch', 'list_metrics', {}, 'monitoring'],
  ['logs', 'describe_log_groups', {}],
  ['route53', 'list_hosted_zones', {}],
  ['cloudformation', 'list_stacks', {}],
  ['iot-data', 'publish', { topic: 'a/b', payload: 'c' }, 'iotdata'],
  ['secretsmanager', 'list_secrets', {}],
];

/** Operations of the services that it has, which it does not have. */
const UNKNOWN: readonly (readonly [string, string, object, RegExp])[] = [
  ['iam', 'create_user', { UserName: 'x' }, /CreateUser/],
  ['sts', 'get_federation_token', { Name: 'xx' }, /GetFederationToken/],
  ['iot', 'list_jobs', {}, /not emulated: GET \/jobs/],
  // Not signed.
  [
    'sts',
    'assume_role_with_web_identity',
    {
      RoleArn: 'arn:aws:iam::123456789012:role/x',
      RoleSessionName: 'xx',
      WebIdentityToken: 'token',
    },
    /AssumeRoleWithWebIdentity/,
  ],
  [
    'cognito-identity',
    'get_id',
    { IdentityPoolId: 'us-east-1:x' },
    /not AWSCognitoIdentityService\.GetId/,
  ],
];

const PROGRAM = `
import boto3, json, sys
from botocore.config import Config
from botocore.exceptions import ClientError
given = json.load(sys.stdin)
session = boto3.Session(given['key'], given['secret'], region_name=given['region'])
config = Config(retries={'total_max_attempts': 3, 'mode': 'standard'}, s3={'addressing_style': 'path'})
for name, operation, input in given['calls']:
    client = session.client(name, endpoint_url=given['endpoint'], config=config)
    try:
        getattr(client, operation)(**input)
        print(json.dumps(None))
    except ClientError as error:
        print(json.dumps({**error.response['Error'], **error.response['ResponseMetadata']}))
`;

describe('boto3', async () => {
  const { administrator, region, apiEndpoint: endpoint } = emulator;
  const calls = [...CALLS, ...UNKNOWN].map(([name, operation, input]) => [name, operation, input]);
  const { accessKeyId: key, secretAccessKey: secret } = administrator;
  const input = JSON.stringify({ endpoint, region, key, secret, calls });
  const running = promisify(execFile)('/usr/bin/python3', ['-c', PROGRAM], {
    env: { HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true' },
  });
  running.child.stdin?.end(input);
  const { stdout } = await running;
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

  it.each(
    CALLS.map(([name, call, , signed = name], index) => [name, call, signed, index] as const),
  )('reports that the emulator does not have %s: %s', (_service, _operation, signed, index) => {
    expect(answers[index]).toMatchObject({
      Code: 'NotImplemented',
      Message: `this emulator has AWS IoT, IAM and STS, not ${signed}`,
      HTTPStatusCode: 501,
      RetryAttempts: 0,
    });
  });

  it.each(UNKNOWN.map((call, index) => [call[0], call[1], call[3], index] as const))(
    'reports which operation of %s does not exist: %s',
    (_service, _operation, message, index) => {
      const { Message, RetryAttempts } = answers[CALLS.length + index];
      expect(Message).toMatch(message);
      expect(RetryAttempts).toBe(0);
    },
  );
});

describe('a request for another service', () => {
  it('is answered in CBOR if it is in CBOR', async () => {
    const raw: RawRequest = {
      method: 'POST',
      path: '/service/GraniteServiceVersion20100801/operation/ListMetrics',
      headers: { 'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor' },
      body: '',
    };
    const signed = await signRaw(emulator, raw, { service: 'monitoring' });
    const { status, headers, body } = await sendRaw(emulator, signed);
    expect(status).toBe(501);
    expect(headers).toMatchObject({
      'smithy-protocol': 'rpc-v2-cbor',
      'content-type': 'application/cbor',
    });
    expect(body).toContain('this emulator has AWS IoT, IAM and STS, not monitoring');
  });
});

describe('a request without a signature', () => {
  it.each<[string, RawRequest, number, string]>([
    [
      'for an operation',
      { method: 'GET', path: '/things' },
      403,
      'Request is missing Authentication Token: iot:ListThings',
    ],
    [
      'for an action',
      { method: 'GET', path: '/?Action=GetRole&Version=2010-05-08' },
      403,
      'Request is missing Authentication Token: iam:GetRole',
    ],
    ['for an unknown operation', { method: 'GET', path: '/jobs' }, 404, 'GET /jobs'],
    [
      'for an unknown action',
      { method: 'GET', path: '/?Action=CreateUser&Version=2010-05-08' },
      400,
      'CreateUser',
    ],
    [
      'for an action of another service',
      { method: 'GET', path: '/?Action=SendMessage&Version=2012-11-05' },
      501,
      'not SendMessage',
    ],
    ['for nothing', { method: 'GET', path: '/' }, 403, 'MissingAuthenticationToken'],
  ])('%s gets this error', async (_name, raw, status, text) => {
    const answer = await sendRaw(emulator, raw);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(text);
  });
});
