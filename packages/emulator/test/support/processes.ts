import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Emulator } from '../../src/index.ts';

/** The built library. */
export const BUILT: string = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
/** The built command line. */
export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A process that creates things in a loop, and prints each name after the acknowledgement. */
export function makeThings(dir: string, prefix: string): ChildProcess {
  const program = `
    import { startEmulator } from ${JSON.stringify(BUILT)};
    const aws = await startEmulator({ dir: ${JSON.stringify(dir)} });
    for (let i = 0; ; i++) {
      const { thingName } = await aws.iot.createThing({ thingName: '${prefix}-' + i });
      process.stdout.write(thingName + ';\\n');
      if (i % 20 === 0) await new Promise(setImmediate);
    }`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Runs a program with a file size limit of 64 KiB, to simulate a full disk. */
export function runLimited(program: string): SpawnSyncReturns<string> {
  const shell = `ulimit -f 64; trap '' XFSZ; exec "$@"`;
  const command = [process.execPath, '--input-type=module', '--eval', program];
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync('bash', ['-c', shell, 'bash', ...command], options);
}

/** Whether a thing with this name exists. */
export function hasThing(aws: Emulator, thingName: string): boolean {
  try {
    return aws.iot.describeThing({ thingName }).thingName === thingName;
  } catch {
    return false;
  }
}
