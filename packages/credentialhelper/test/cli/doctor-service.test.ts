// Each answer of the credential provider: doctor names the resource at fault, and the commands that it prints fix it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Seed, startEmulator } from 'awsiot-credentialhelper-emulator';
import { afterAll, describe, expect, it } from 'vitest';
import { startAwsCli } from '../../../emulator/test/support/aws-cli.ts';
import { commandsOf, diagnose } from '../support/doctor.ts';
import { plantKey } from '../support/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const aws = await startEmulator({ region: 'eu-central-1' });
afterAll(() => aws.close());
const caFile = join(folder, 'ca.pem');
writeFileSync(caFile, aws.ca);

/** Creates a device, and returns the flags of its session. */
async function device(name: string) {
  const seed = await aws.seed({ thingName: name, roleAlias: name, keyType: 'EC-P256' });
  plantKey(seed.privateKeyPem);
  const [certificate, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  writeFileSync(certificate, seed.certificatePem);
  writeFileSync(key, seed.privateKeyPem, { mode: 0o600 });
  const flags = [
    ...['--endpoint', aws.credentialsEndpoint, '--region', aws.region, '--ca', caFile],
    ...['--role-alias', name, '--thing-name', name],
    ...['--certificate', certificate, '--private-key', key],
  ];
  return { seed, flags };
}

const STS = { AWS_ENDPOINT_URL: aws.apiEndpoint };
const awsCli = startAwsCli(aws, folder);
afterAll(() => awsCli.close());

/** Runs a command as it was printed, with the placeholders filled in, as administrator of the emulator. */
async function execute(command: string, { roleName }: Seed): Promise<void> {
  await awsCli.run(command.replaceAll('ACCOUNT', aws.accountId).replaceAll('ROLE', roleName));
}

const OTHER_TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { Service: 'ec2.amazonaws.com' },
    Action: 'sts:AssumeRole',
  },
});

/** How each resource is broken, and the error; `or`: by the other command. */
const ROWS: Readonly<
  Record<string, { code: string; said: string; or?: true; broken: (seed: Seed) => void }>
> = {
  'the thing is not attached': {
    code: 'ERR_THING_NAME',
    said: '403: Invalid thing name passed',
    broken: ({ thingName, certificateArn: principal }) =>
      aws.iot.detachThingPrincipal({ thingName, principal }),
  },
  'the thing does not exist': {
    code: 'ERR_THING_NAME',
    said: '403: Invalid thing name passed',
    broken: ({ thingName, certificateArn: principal }) => {
      aws.iot.detachThingPrincipal({ thingName, principal });
      aws.iot.deleteThing({ thingName });
    },
  },
  'no policy': {
    code: 'ERR_ACCESS_DENIED',
    said: '403: Access Denied',
    broken: ({ policyName, certificateArn: target }) =>
      aws.iot.detachPolicy({ policyName, target }),
  },
  'no role alias': {
    code: 'ERR_ROLE_ALIAS_NOT_FOUND',
    said: '404: Role alias does not exist',
    broken: ({ roleAlias }) => aws.iot.deleteRoleAlias({ roleAlias }),
  },
  'a role that trusts another service': {
    code: 'ERR_ROLE_NOT_ASSUMABLE',
    said: '400: Unable to assume the role',
    broken: ({ roleName }) =>
      aws.iam.updateAssumeRolePolicy({ roleName, policyDocument: OTHER_TRUST }),
  },
  'no role': {
    code: 'ERR_ROLE_NOT_ASSUMABLE',
    said: '400: Unable to assume the role',
    or: true,
    broken: ({ roleName }) => aws.iam.deleteRole({ roleName }),
  },
  'a duration above that of the role': {
    code: 'ERR_DURATION_EXCEEDS_ROLE',
    said: '400: The requested CredentialDurationSeconds exceeds',
    broken: ({ roleAlias }) =>
      aws.iot.updateRoleAlias({ roleAlias, credentialDurationSeconds: 43_200 }),
  },
  'a role whose sessions are shorter': {
    code: 'ERR_DURATION_EXCEEDS_ROLE',
    said: '400: The requested CredentialDurationSeconds exceeds',
    or: true,
    broken: ({ roleAlias }) =>
      aws.iot.updateRoleAlias({ roleAlias, credentialDurationSeconds: 43_200 }),
  },
  'an inactive certificate': {
    code: 'ERR_CERTIFICATE_NOT_REGISTERED',
    said: '403: Certificate is invalid on this endpoint',
    broken: ({ certificateId }) =>
      aws.iot.updateCertificate({ certificateId, newStatus: 'INACTIVE' }),
  },
};

describe('doctor', () => {
  it.each(Object.entries(ROWS))(
    'finds %s, and prints the commands that fix it',
    async (name, { code, said, or, broken }) => {
      const { seed, flags } = await device(name.replaceAll(' ', '-'));
      broken(seed);
      const found = await diagnose(flags, STS);
      expect(found.broken).toEqual(['credentials']);
      const finding = found.of('credentials');
      expect(finding).toMatchObject({ code, seen: expect.stringContaining(said) });
      expect(found.of('identity').status).toBe('skipped');
      const fixes = commandsOf(finding, or ? 'or' : 'fix');
      expect(fixes).not.toEqual([]);
      for (const command of fixes) await execute(command, seed);
      const repaired = await diagnose(flags, STS);
      expect(repaired.broken).toEqual([]);
      expect(repaired.of('identity').seen).toContain(`/${seed.certificateId}`);
      // Now each of them exists.
      for (const command of commandsOf(finding, 'show')) await execute(command, seed);
    },
    60_000,
  );

  it('leads step by step to a certificate that was never registered', async () => {
    const { seed, flags } = await device('stranger');
    const { certificateId, certificateArn, thingName, policyName } = seed;
    aws.iot.detachThingPrincipal({ thingName, principal: certificateArn });
    aws.iot.detachPolicy({ policyName, target: certificateArn });
    aws.iot.updateCertificate({ certificateId, newStatus: 'INACTIVE' });
    aws.iot.deleteCertificate({ certificateId });
    const codes: (string | undefined)[] = [];
    for (;;) {
      const found = await diagnose(flags, STS);
      if (found.ok) break;
      const finding = found.of('credentials');
      codes.push(finding.code);
      const isNew = finding.code === 'ERR_CERTIFICATE_NOT_REGISTERED';
      for (const command of commandsOf(finding, isNew ? 'or' : 'fix')) {
        await execute(command, seed);
      }
    }
    expect(codes).toEqual([
      'ERR_CERTIFICATE_NOT_REGISTERED',
      'ERR_THING_NAME',
      'ERR_ACCESS_DENIED',
    ]);
  }, 60_000);

  it('says that a policy with variables of the thing requires the name of the thing', async () => {
    const { seed, flags } = await device('nameless');
    const Resource = `arn:aws:iot:${aws.region}:${aws.accountId}:rolealias/\${iot:Connection.Thing.ThingName}`;
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action: 'iot:AssumeRoleWithCertificate', Resource },
    });
    aws.iot.createPolicy({ policyName: 'by-thing', policyDocument });
    aws.iot.attachPolicy({ policyName: 'by-thing', target: seed.certificateArn });
    aws.iot.detachPolicy({ policyName: seed.policyName, target: seed.certificateArn });
    expect((await diagnose(flags, STS)).broken).toEqual([]);
    const at = flags.indexOf('--thing-name');
    const found = await diagnose([...flags.slice(0, at), ...flags.slice(at + 2)], STS);
    expect(found.broken).toEqual(['credentials']);
    expect(found.of('credentials').remedy?.what).toContain('requires the name of the thing');
  });

  it('warns if AWS STS cannot be reached, as the credentials are valid', async () => {
    const { flags } = await device('far');
    const found = await diagnose(flags, { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' });
    expect(found.broken).toEqual([]);
    expect(found.of('identity')).toMatchObject({ status: 'warn', code: 'ERR_STS_UNREACHABLE' });
  });
});
