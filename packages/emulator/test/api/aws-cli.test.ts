import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { startAwsCli } from '../support/aws-cli.ts';
import { allowAlias, TRUST_POLICY, whoIsThing } from '../support/session.ts';

const PYTHON = '/usr/bin/python3';
const run = promisify(execFile);

const emulator = await startEmulator({ region: 'eu-central-1' });
const home = mkdtempSync(join(tmpdir(), 'aws-cli-'));
afterAll(async () => {
  await emulator.close();
  rmSync(home, { recursive: true, force: true });
});
const env = {
  PATH: '/usr/bin:/bin',
  HOME: home,
  AWS_ACCESS_KEY_ID: emulator.administrator.accessKeyId,
  AWS_SECRET_ACCESS_KEY: emulator.administrator.secretAccessKey,
  AWS_DEFAULT_REGION: emulator.region,
  AWS_ENDPOINT_URL: emulator.apiEndpoint,
  AWS_EC2_METADATA_DISABLED: 'true',
};

const cli = startAwsCli(emulator, home);
afterAll(() => cli.close());

/** Runs a command of the AWS CLI. */
async function aws(command: string): Promise<Record<string, string>> {
  const printed = await cli.run(`aws ${command} --output json`);
  return printed === '' ? {} : (JSON.parse(printed) as Record<string, string>);
}

// The first command takes seconds on a busy machine.
describe('the AWS CLI', { timeout: 180_000 }, () => {
  it('sets up a thing, and the thing gets credentials', async () => {
    const [thingName, roleAlias, roleName] = ['cli-thing', 'cli-alias', 'cli-role'];
    const role = await aws(
      `iam create-role --role-name ${roleName} --assume-role-policy-document '${TRUST_POLICY}'`,
    );
    const { Arn: roleArn } = role.Role as unknown as { Arn: string };
    expect(roleArn).toBe(`arn:aws:iam::${emulator.accountId}:role/${roleName}`);
    const { Policy } = await aws(
      `iam create-policy --policy-name cli-access --policy-document '${allowAlias('*')}'`,
    );
    const { Arn: policyArn } = Policy as unknown as { Arn: string };
    await aws(`iam attach-role-policy --role-name ${roleName} --policy-arn ${policyArn}`);
    const { roleAliasArn = '' } = await aws(
      `iot create-role-alias --role-alias ${roleAlias} --role-arn ${roleArn}`,
    );
    await aws(`iot create-thing --thing-name ${thingName}`);
    const [certificateFile, keyFile] = [join(home, 'cert.pem'), join(home, 'key.pem')];
    const files = `--certificate-pem-outfile ${certificateFile} --private-key-outfile ${keyFile}`;
    const { certificateArn = '', certificateId } = await aws(
      `iot create-keys-and-certificate --set-as-active ${files}`,
    );
    await aws(
      `iot create-policy --policy-name cli-policy --policy-document '${allowAlias(roleAliasArn)}'`,
    );
    await aws(`iot attach-policy --policy-name cli-policy --target ${certificateArn}`);
    await aws(`iot attach-thing-principal --thing-name ${thingName} --principal ${certificateArn}`);
    const attached = await aws(`iot list-attached-policies --target ${certificateArn}`);
    expect(attached.policies).toMatchObject([{ policyName: 'cli-policy' }]);
    // The program itself. Debian's does not support `AWS_ENDPOINT_URL`.
    const { stdout } = await run(
      '/usr/bin/aws',
      [
        ...['iot', 'describe-endpoint', '--endpoint-type', 'iot:CredentialProvider'],
        ...[
          '--endpoint-url',
          emulator.apiEndpoint,
          '--query',
          'endpointAddress',
          '--output',
          'text',
        ],
      ],
      { env },
    );
    const endpoint = stdout.trim();
    expect(endpoint).toBe(emulator.credentialsEndpoint);
    const identity = { certificate: certificateFile, privateKey: keyFile };
    const arn = await whoIsThing(emulator, { thingName, roleAlias, endpoint, ...identity });
    expect(arn).toBe(
      `arn:aws:sts::${emulator.accountId}:assumed-role/${roleName}/${certificateId}`,
    );
  });

  it('reports errors by their names in AWS', async () => {
    await expect(aws('iot describe-thing --thing-name nobody')).rejects.toThrow(
      '(ResourceNotFoundException)',
    );
    await expect(aws('iam get-role --role-name nobody')).rejects.toThrow('(NoSuchEntity)');
  });
});

const SETUP = `
import boto3, json, os, sys
wanted = json.load(sys.stdin)
session = boto3.session.Session()
client = lambda name: session.client(name, endpoint_url=os.environ['AWS_ENDPOINT_URL'])
iot, iam, sts = client('iot'), client('iam'), client('sts')
role = iam.create_role(RoleName='boto-role', AssumeRolePolicyDocument=wanted['trust'])['Role']
assert role['AssumeRolePolicyDocument'] == json.loads(wanted['trust'])
alias = iot.create_role_alias(roleAlias=wanted['roleAlias'], roleArn=role['Arn'])
iot.create_thing(thingName=wanted['thingName'], attributePayload={'attributes': {'colour': 'red'}})
issued = iot.create_keys_and_certificate(setAsActive=True)
document = json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow',
    'Action': 'iot:AssumeRoleWithCertificate', 'Resource': alias['roleAliasArn']}})
iot.create_policy(policyName='boto-policy', policyDocument=document)
iot.attach_policy(policyName='boto-policy', target=issued['certificateArn'])
iot.attach_thing_principal(thingName=wanted['thingName'], principal=issued['certificateArn'])
assert iot.describe_thing(thingName=wanted['thingName'])['attributes'] == {'colour': 'red'}
assert iot.list_principal_things(principal=issued['certificateArn'])['things'] == [wanted['thingName']]
try:
    iot.delete_policy(policyName='boto-policy')
    raise AssertionError('the policy was deleted')
except iot.exceptions.DeleteConflictException:
    pass
print(json.dumps({
    'certificateId': issued['certificateId'],
    'certificate': issued['certificatePem'],
    'privateKey': issued['keyPair']['PrivateKey'],
    'endpoint': iot.describe_endpoint(endpointType='iot:CredentialProvider')['endpointAddress'],
    'administrator': sts.get_caller_identity()['Arn'],
}))
`;

describe('boto3', () => {
  it('sets up a thing, and the thing gets credentials', async () => {
    const [thingName, roleAlias] = ['boto-thing', 'boto-alias'];
    const script = join(home, 'setup.py');
    writeFileSync(script, SETUP);
    const child = run(PYTHON, [script], { env });
    child.child.stdin?.end(JSON.stringify({ thingName, roleAlias, trust: TRUST_POLICY }));
    const { certificateId, administrator, ...made } = JSON.parse((await child).stdout) as Record<
      'certificateId' | 'certificate' | 'privateKey' | 'endpoint' | 'administrator',
      string
    >;
    expect(administrator).toBe(`arn:aws:iam::${emulator.accountId}:root`);
    const arn = await whoIsThing(emulator, { thingName, roleAlias, ...made });
    expect(arn).toBe(`arn:aws:sts::${emulator.accountId}:assumed-role/boto-role/${certificateId}`);
  });
});
