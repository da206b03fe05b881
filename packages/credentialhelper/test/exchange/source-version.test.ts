import { renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sourceVersion } from '../../src/exchange/source-version.ts';
import { checkOptions } from '../../src/options/options.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const pinFile = join(folder, 'pin');
writeFileSync(pinFile, '1234', { mode: 0o600 });
utimesSync(pinFile, 1e9, 1e9);
const settings = checkOptions({
  endpoint: 'abc.credentials.iot.eu-west-1.amazonaws.com',
  roleAlias: 'alias',
  certificate: device.certificateFile,
  privateKey: device.keyFile,
  passphrase: { file: pinFile },
});

it.each([
  [
    'is written in place, with the same length and the same time',
    () => {
      writeFileSync(pinFile, '4321');
      utimesSync(pinFile, 1e9, 1e9);
    },
  ],
  ['is gone', () => renameSync(pinFile, `${pinFile}.old`)],
  ['is a link that leads in a circle', () => symlinkSync(pinFile, pinFile)],
])('differs where a file %s', async (_name, change) => {
  const before = sourceVersion(settings);
  expect(sourceVersion(settings)).toBe(before);
  // File systems tell times apart that are some milliseconds apart.
  await sleep(20);
  change();
  expect(sourceVersion(settings)).not.toBe(before);
});
