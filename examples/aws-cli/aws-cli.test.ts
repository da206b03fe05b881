import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MAIN } from '../../packages/credentialhelper/test/support/cli.ts';
import { openssl } from '../../packages/credentialhelper/test/support/openssl.ts';
import { PIN, startSoftHsm } from '../../packages/credentialhelper/test/support/softhsm.ts';
import { startDevice } from '../support/device.ts';

const device = await startDevice();
const text = readFileSync(new URL('config', import.meta.url), 'utf8')
  .replaceAll('/etc/my-thing', device.folder)
  .replaceAll(/^iot_credential_endpoint = .*$/gm, '');
symlinkSync(MAIN, join(device.folder, 'awsiot-credentialhelper'));
device.write('pin', PIN);
const softHsm = startSoftHsm();
softHsm.initToken('my-token');
const file = join(device.folder, 'key.pkcs8');
openssl('pkcs8', '-topk8', '-nocrypt', '-in', join(device.folder, 'key.pem'), '-out', file);
softHsm.importKey({ token: 'my-token', label: 'my-key', id: '01', file });
const { SOFTHSM2_CONF = '', XDG_RUNTIME_DIR = '' } = process.env;

const PROFILES = [...text.matchAll(/^\[profile (.*)\]$/gm)].map(([, name = '']) => name);

it('config has a profile for each kind of key', () => {
  expect(PROFILES).toEqual(['my-thing', 'my-thing-token']);
});

it.each(PROFILES)(
  'the AWS CLI and the AWS SDK get credentials with the profile %s',
  async (name) => {
    const environment = {
      ...device.environment,
      ...{ SOFTHSM2_CONF, XDG_RUNTIME_DIR },
      PATH: `${device.folder}:${process.env.PATH}`,
      AWS_CONFIG_FILE: device.write('config', text),
      AWS_PROFILE: name,
    };
    expect(await device.whoAmIWithCli(environment)).toContain(device.arn);
    expect(await device.whoAmI(environment)).toContain(device.arn);
  },
);
