import { openAccount } from '../account/account.ts';
import { type SeedInput, type SeedSummary, seed as seedThing, summaryOf } from '../account/seed.ts';
import type { KeyType } from '../pki/keys.ts';
import { deviceFileNames, openDeviceFiles } from '../state/device-files.ts';
import { makeFolder } from '../state/folder.ts';
import type { Store } from '../state/store.ts';
import { sendControl, useFolder } from './folder.ts';

/** Creates everything that things need, and writes their certificates and private keys to the folder. */
export async function seed(options: {
  readonly dir: string;
  readonly thing: readonly string[];
  readonly roleAlias: string;
  readonly keyType?: KeyType;
  readonly duration?: number;
}): Promise<void> {
  const { dir, thing: names, roleAlias, keyType, duration: durationSeconds } = options;
  const seedEach = async (seedOne: (input: SeedInput) => Promise<SeedSummary>) => {
    for (const thingName of names) {
      const seeded = await seedOne({ thingName, roleAlias, keyType, durationSeconds });
      const line = { ...seeded, ...deviceFileNames(dir, thingName) };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
  };
  makeFolder(dir);
  await useFolder(dir, {
    running: (emulator) =>
      seedEach((input) => sendControl<SeedSummary>(emulator, 'POST seed-files', input)),
    opened: (store) => seedEach((input) => seedOpened(store, dir, input)),
  });
}

async function seedOpened(store: Store, dir: string, input: SeedInput): Promise<SeedSummary> {
  const context = { store, account: openAccount(store, Date.now), now: Date.now };
  return summaryOf(await seedThing(context, input, (name) => openDeviceFiles(dir, name)));
}
