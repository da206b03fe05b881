import { once } from 'node:events';
import { styleText } from 'node:util';
import { quoted } from '../credentials/remedies.ts';
import { type Emulator, startEmulator } from '../emulator.ts';
import type { Fault } from '../faults/fault.ts';
import { ALL_INTERFACES } from '../names/host-names.ts';
import { PROGRAM, printWarning } from './output.ts';

/** Runs the emulator until a signal ends it. */
export async function start(options: {
  readonly dir?: string;
  readonly apiPort?: number;
  readonly credentialsPort?: number;
  readonly host?: '127.0.0.1' | '0.0.0.0';
  readonly name?: readonly string[];
  readonly minTls: 'TLSv1.2' | 'TLSv1.3';
  readonly account?: string;
  readonly region?: string;
  readonly fault?: readonly Fault[];
  readonly log?: string;
}): Promise<void> {
  const { dir, apiPort, credentialsPort, host, name, minTls, account, region, fault, log } =
    options;
  const emulator = await startEmulator({
    dir,
    apiPort,
    credentialsPort,
    host,
    names: name,
    minTlsVersion: minTls,
    accountId: account,
    region,
    faults: fault,
    logFile: log,
  });
  if (host === ALL_INTERFACES) {
    printWarning(
      'it listens on all interfaces: for tests in a network of their own, never for production',
    );
  }
  const lines = process.stdout.isTTY
    ? describe(emulator, dir)
    : [JSON.stringify(summary(emulator))];
  // Who reads the lines may send the signal at once.
  const signal = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  await signal;
  await emulator.close();
}

/** For programs. */
function summary(emulator: Emulator): object {
  const { caFile, ca } = emulator;
  return {
    apiEndpoint: emulator.apiEndpoint,
    credentialsEndpoint: emulator.credentialsEndpoint,
    credentialsHostName: emulator.credentialsHostName,
    ...(caFile === undefined ? { ca } : { caFile }),
    accountId: emulator.accountId,
    region: emulator.region,
    ...emulator.administrator,
    user: emulator.user,
    controlToken: emulator.controlToken,
    consoleUrl: emulator.consoleUrl,
  };
}

/** For people: without keys, as a terminal may be seen or recorded. The address of the console ends with this process. */
function describe(emulator: Emulator, dir: string | undefined): readonly string[] {
  const { apiEndpoint, credentialsEndpoint, credentialsHostName, accountId, region } = emulator;
  const folder = dir === undefined ? undefined : `--dir ${quoted(dir)}`;
  return [
    styleText('bold', 'The emulator is ready. For tests; never for production.'),
    ...table([
      ['AWS APIs', apiEndpoint],
      ['credential provider', `https://${credentialsEndpoint}`],
      ['its name on AWS', credentialsHostName],
      ['CA file', emulator.caFile ?? 'none: the state is in memory'],
      ['account', accountId],
      ['region', region],
      ['console', emulator.consoleUrl],
    ]),
    '',
    ...table(
      folder === undefined
        ? [['to create things', 'start it with --dir, or pipe its output, which then has the keys']]
        : [
            [
              'to create a thing',
              `${PROGRAM} seed ${folder} --thing my-thing --role-alias my-alias`,
            ],
            ['to use the AWS CLI', `eval "$(${PROGRAM} env ${folder})"`],
          ],
    ),
    ...table([['to stop', 'Ctrl+C']]),
  ];
}

/** The width of the longest name. */
const NAME_WIDTH = 20;

function table(rows: readonly (readonly [name: string, value: string])[]): readonly string[] {
  return rows.map(([name, value]) => `  ${name.padEnd(NAME_WIDTH)} ${styleText('cyan', value)}`);
}
