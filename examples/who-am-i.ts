// Opens a session with a private key in a PKCS#11 token and calls GetCallerIdentity of AWS STS. The folders beside it
// have the preparation.
import { parseArgs } from 'node:util';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createSession, isCredentialHelperError } from 'awsiot-credentialhelper';

try {
  const { values } = parseArgs({
    options: {
      endpoint: { type: 'string', default: '' },
      'role-alias': { type: 'string', default: '' },
      thing: { type: 'string' },
      certificate: { type: 'string', default: '' },
      library: { type: 'string', default: '/usr/lib/softhsm/libsofthsm2.so' },
      'token-label': { type: 'string' },
      'key-label': { type: 'string' },
      'pin-file': { type: 'string', default: '' },
      ca: { type: 'string' },
      region: { type: 'string' },
      'sts-endpoint': { type: 'string' },
    },
  });
  const session = createSession({
    endpoint: values.endpoint,
    roleAlias: values['role-alias'],
    thingName: values.thing,
    certificate: values.certificate,
    pkcs11: {
      library: values.library,
      userPin: { file: values['pin-file'] },
      tokenLabel: values['token-label'],
      privateKeyLabel: values['key-label'],
    },
    ca: values.ca,
    region: values.region,
  });
  const stsEndpoint = values['sts-endpoint'];
  const sts = new STSClient({ ...session, ...(stsEndpoint && { endpoint: stsEndpoint }) });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  console.log(Arn);
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  if (isCredentialHelperError(error) && error.hint) console.error(`hint: ${error.hint}`);
  process.exitCode = 1;
}
