import { once } from 'node:events';
import { startEmulator } from '../emulator.ts';
import type { Fault } from '../faults/fault.ts';

/** Runs the emulator until a signal ends it. */
export async function start(options: {
  dir: string;
  apiPort?: number;
  credentialsPort?: number;
  minTls: 'TLSv1.2' | 'TLSv1.3';
  account?: string;
  region?: string;
  fault?: readonly Fault[];
  log?: string;
}): Promise<void> {
  const { dir, apiPort, credentialsPort, minTls, account, region, fault, log } = options;
  const emulator = await startEmulator({
    dir,
    apiPort,
    credentialsPort,
    minTlsVersion: minTls,
    accountId: account,
    region,
    faults: fault,
    logFile: log,
  });
  const ready = {
    apiEndpoint: emulator.apiEndpoint,
    credentialsEndpoint: emulator.credentialsEndpoint,
    credentialsHostName: emulator.credentialsHostName,
    caFile: emulator.caFile,
    accountId: emulator.accountId,
    region: emulator.region,
    ...emulator.administrator,
    user: emulator.user,
    controlToken: emulator.controlToken,
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  await emulator.close();
}
