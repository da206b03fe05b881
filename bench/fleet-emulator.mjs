// Run by fleet.mjs in a process of its own: the emulator with many things, whose certificates and keys are files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from 'awsiot-credentialhelper-emulator';

const count = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('disconnect', () => process.exit());

const aws = await startEmulator();
const things = [];
for (let i = 0; i < count; i++) {
  const thingName = `thing-${i}`;
  const seed = { thingName, roleAlias: 'alias', keyType: 'EC-P256' };
  const { certificatePem, privateKeyPem } = await aws.seed(seed);
  const certificate = join(folder, `${thingName}.pem`);
  const privateKey = join(folder, `${thingName}.key`);
  writeFileSync(certificate, certificatePem);
  writeFileSync(privateKey, privateKeyPem, { mode: 0o600 });
  things.push({ thingName, certificate, privateKey });
}
const ca = join(folder, 'ca.pem');
writeFileSync(ca, aws.ca);
process.send({
  things,
  fleet: { endpoint: aws.credentialsEndpoint, region: aws.region, roleAlias: 'alias', ca },
});
