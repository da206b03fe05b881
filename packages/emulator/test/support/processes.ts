import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Emulator } from '../../src/index.ts';

/** The built library. */
export const BUILT: string = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
/** The built command line. */
export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/**
 * A process that changes a thing and creates another in a loop, and prints both versions after the acknowledgement. Its
 * journal is compacted all the time.
 */
export function makeThings(dir: string, prefix: string): ChildProcess {
  const program = `
    import { startEmulator } from ${JSON.stringify(BUILT)};
    const aws = await startEmulator({ dir: ${JSON.stringify(dir)} });
    const value = 'x'.repeat(800);
    const attributes = { a: value, b: value, c: value };
    aws.iot.createThing({ thingName: 'changed', attributes });
    for (let i = 0; ; i++) {
      const { thingName } = aws.iot.createThing({ thingName: '${prefix}-' + i });
      aws.iot.updateThing({ thingName: 'changed', attributes, merge: true });
      const { version } = aws.iot.describeThing({ thingName: 'changed' });
      process.stdout.write(thingName + ' ' + version + ';\\n');
      if (i % 5 === 0) await new Promise(setImmediate);
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

/** Runs a program on a file system of a few kilobytes, which is mounted on a folder for it alone. */
export function runOnSmallDisk(
  dir: string,
  kilobytes: number,
  program: string,
): SpawnSyncReturns<string> {
  const shell = `mount -t tmpfs -o mode=700,size=${kilobytes}k none "$1"; shift; "$@"`;
  const command = [process.execPath, '--input-type=module', '--eval', program];
  const args = ['--map-root-user', '--mount', 'sh', '-ec', shell, 'sh', dir, ...command];
  return spawnSync('unshare', args, { encoding: 'utf8', timeout: 60_000 });
}
