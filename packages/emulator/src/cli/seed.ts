import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAccount } from '../account.ts';
import { EmulatorError } from '../errors.ts';
import { checkName } from '../names.ts';
import { openStore } from '../store.ts';

/** Makes everything one thing needs, and writes its certificate and private key into the folder. */
export async function seed(options: {
  dir: string;
  thing: string;
  roleAlias: string;
}): Promise<void> {
  const { dir, thing, roleAlias } = options;
  checkName('thing name', thing);
  checkName('role alias', roleAlias);
  const certificateFile = join(dir, `${thing}-cert.pem`);
  const keyFile = join(dir, `${thing}-key.pem`);
  const existing = [certificateFile, keyFile].find((file) => existsSync(file));
  if (existing !== undefined) {
    throw new EmulatorError(`${existing} exists, and is not overwritten`, { code: 'ERR_FILE' });
  }
  const store = await openStore({
    dir,
    accountId: undefined,
    region: undefined,
    nowMs: Date.now(),
  });
  const seeded = await openAccount(store, Date.now).seed({ thingName: thing, roleAlias });
  try {
    writeFileSync(keyFile, seeded.privateKeyPem, { mode: 0o600, flag: 'wx' });
    writeFileSync(certificateFile, seeded.certificatePem, { flag: 'wx' });
  } catch (cause) {
    rmSync(keyFile, { force: true });
    throw new EmulatorError(`cannot write into ${dir}: ${(cause as Error).message}`, {
      code: 'ERR_FILE',
      cause,
    });
  }
  const { privateKeyPem: _, certificatePem: __, ...shown } = seeded;
  process.stdout.write(`${JSON.stringify({ ...shown, certificateFile, keyFile })}\n`);
}
