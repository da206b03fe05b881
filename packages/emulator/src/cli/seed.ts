import { setTimeout as sleep } from 'node:timers/promises';
import { openAccount } from '../account/account.ts';
import { type Seed, seed as seedThing } from '../account/seed.ts';
import { EmulatorError } from '../errors.ts';
import { checkName } from '../names/check-name.ts';
import { deviceFileNames, openDeviceFiles } from '../state/device-files.ts';
import { makeFolder } from '../state/folder.ts';
import { findHolder } from '../state/lock.ts';
import type { LockContent } from '../state/lock-file.ts';
import { openStore } from '../state/store.ts';

type Input = { readonly thingName: string; readonly roleAlias: string };
type Seeded = Omit<Seed, 'certificatePem' | 'privateKeyPem'>;

/** Creates everything that a thing needs, and writes its certificate and private key to the folder. */
export async function seed(options: {
  dir: string;
  thing: string;
  roleAlias: string;
}): Promise<void> {
  const { dir, thing: thingName, roleAlias } = options;
  checkName('thing name', thingName);
  checkName('role alias', roleAlias);
  const seeded = await seedFolder(dir, { thingName, roleAlias });
  process.stdout.write(`${JSON.stringify({ ...seeded, ...deviceFileNames(dir, thingName) })}\n`);
}

/** How long to wait for other processes that seed the folder, and for an emulator that has it open. */
const TIMEOUT_MS = 30_000;
const RETRY_MS = 100;

/** Seeds the folder, by the emulator that has it open, if any. */
async function seedFolder(dir: string, input: Input): Promise<Seeded> {
  const deadline = Date.now() + TIMEOUT_MS;
  makeFolder(dir);
  for (;;) {
    const holder = await findHolder(dir);
    if (holder?.apiEndpoint !== undefined) return seedRunning(holder, input);
    try {
      return await seedHere(dir, input);
    } catch (error) {
      const isInUse = error instanceof EmulatorError && error.code === 'ERR_IN_USE';
      if (!isInUse || Date.now() > deadline) throw error;
    }
    await sleep(RETRY_MS * (0.5 + Math.random()));
  }
}

async function seedHere(dir: string, input: Input): Promise<Seeded> {
  const store = await openStore({
    dir,
    accountId: undefined,
    region: undefined,
    nowMs: Date.now(),
  });
  try {
    const context = { store, account: openAccount(store, Date.now), now: Date.now };
    const files = openDeviceFiles(dir, input.thingName);
    const {
      privateKeyPem: _,
      certificatePem: __,
      ...seeded
    } = await seedThing(context, input, files);
    return seeded;
  } finally {
    await store.close();
  }
}

async function seedRunning(holder: LockContent, input: Input): Promise<Seeded> {
  const { pid, apiEndpoint, controlToken } = holder;
  let response: Response;
  let answer: Seeded & { readonly code: string; readonly message: string };
  try {
    response = await fetch(`${apiEndpoint}/_emulator/seed-files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${controlToken}` },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = (await response.json()) as typeof answer;
  } catch (cause) {
    throw new EmulatorError(`the emulator of process ${pid} does not respond at ${apiEndpoint}`, {
      code: 'ERR_IN_USE',
      cause,
    });
  }
  if (response.ok) return answer;
  throw new EmulatorError(answer.message, { code: answer.code });
}
