import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAccount } from '../account/account.ts';
import { type Seed, seed as seedThing } from '../account/seed.ts';
import { EmulatorError } from '../errors.ts';
import { checkName } from '../names/check-name.ts';
import { findHolder } from '../state/lock.ts';
import type { LockContent } from '../state/lock-file.ts';
import { openStore } from '../state/store.ts';

/** Creates everything that a thing needs, and writes its certificate and private key to the folder. */
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
    throw new EmulatorError(`${existing} already exists; it was not overwritten`, {
      code: 'ERR_FILE',
    });
  }
  const seeded = await seedFolder(dir, { thingName: thing, roleAlias });
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

/** Seeds the folder, by the emulator that has it open, if any. */
async function seedFolder(
  dir: string,
  input: { thingName: string; roleAlias: string },
): Promise<Seed> {
  const running = await findHolder(dir);
  if (running?.apiEndpoint !== undefined) return seedRunning(running, input);
  const store = await openStore({
    dir,
    accountId: undefined,
    region: undefined,
    nowMs: Date.now(),
  });
  try {
    return await seedThing(store, openAccount(store, Date.now), input);
  } finally {
    await store.close();
  }
}

async function seedRunning(
  { apiEndpoint, controlToken }: LockContent,
  input: { thingName: string; roleAlias: string },
): Promise<Seed> {
  const response = await fetch(`${apiEndpoint}/_emulator/seed`, {
    method: 'POST',
    headers: { authorization: `Bearer ${controlToken}` },
    body: JSON.stringify(input),
  });
  const answer = (await response.json()) as Seed & { code: string; message: string };
  if (response.ok) return answer;
  throw new EmulatorError(answer.message, { code: answer.code });
}
