import type { Command } from 'commander';
import { regionFor } from '../../options/region.ts';
import { containerContract } from '../../server/container.ts';
import type { Contract } from '../../server/contract.ts';
import { createGuard, isHostName } from '../../server/guard.ts';
import { healthPage, readyPage } from '../../server/health.ts';
import { imdsContract } from '../../server/imds.ts';
import { createLocalServer, drain } from '../../server/local-server.ts';
import { createdPath } from '../file-path.ts';
import { printLine, printResult } from '../output.ts';
import type { SessionFlags } from '../session/flags.ts';
import { addSessionOptions } from '../session/options.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { UsageError } from '../usage-error.ts';
import { CREDENTIALS_PATH } from './container-endpoint.ts';
import { DEFAULT_LISTEN, type ListenFlags, type Listening, listen } from './listen.ts';
import { listenForReloads, runUntilSignal } from './service.ts';
import { watchStates } from './states.ts';
import { activatedSockets, connectNotifier } from './systemd.ts';
import { type ReadThings, Things } from './things.ts';
import { readTokens, TOKEN_VARIABLE, type TokenFlags, type TokenPlace } from './tokens.ts';

type ServeFlags = SessionFlags &
  ListenFlags &
  TokenFlags & { readonly imds?: boolean; readonly allowHost?: readonly string[] };

/** Defines `serve`. */
export function defineServe(command: Command): void {
  const all = (value: string, previous: readonly string[] = []) => [...previous, value];
  addSessionOptions(command)
    .description(
      'Serve credentials to programs on this machine, by the contract of containers (AWS_CONTAINER_CREDENTIALS_FULL_URI) or that of EC2 instances (--imds). They are kept fresh, and served from memory. A file of settings (--config) can list many things: each has its own path and token.',
    )
    .option(
      '--imds',
      'serve by the contract of EC2 instances: IMDSv2; any local program gets credentials',
    )
    .option(
      '--listen <host:port>',
      `where to listen, also several times; default: ${DEFAULT_LISTEN}`,
      all,
    )
    .option('--socket <path>', 'listen on a Unix socket, for this user alone')
    .option(
      '--token-file <file>',
      `file with the token of clients, created if it does not exist; default: ${TOKEN_VARIABLE}, or a file in RUNTIME_DIRECTORY or XDG_RUNTIME_DIR`,
    )
    .option('--token-folder <folder>', 'folder with a token file for each of many things')
    .option(
      '--allow-host <name>',
      'answer requests by this host name, too; also several times',
      all,
    )
    .option('--allow-remote', 'allow to listen where other machines may connect; there is no TLS')
    .option('--json', 'print what clients need as one JSON document')
    .addHelpText(
      'after',
      `
Prints the environment variables for clients, and serves until SIGTERM or SIGINT. SIGHUP reads the settings again.
/healthz, /readyz and /metrics (Prometheus) need no token.

Examples:
  awsiot-credentialhelper serve --profile my-thing --token-file /run/my-thing/token
  awsiot-credentialhelper serve --config gateway.yaml --token-folder /run/gateway
  awsiot-credentialhelper serve --profile my-thing --imds --listen 127.0.0.1:9911
${EXIT_STATUS_HELP}`,
    )
    .action(async (flags: ServeFlags) => {
      await serve(flags);
      process.exitCode = 0;
    });
}

/** How long requests that have begun may take at the end, in milliseconds. */
const DRAIN_MS = 3000;

async function serve(flags: ServeFlags): Promise<void> {
  checkFlags(flags);
  const reloads = listenForReloads();
  const descriptors = activatedSockets(process.env);
  const notifier = await connectNotifier(process.env);
  const things = new Things(flags);
  let offer = await load(things, flags);
  const served = () => things.entries.map(({ thing }) => thing);
  const { createMetrics } = await import('../../server/metrics.ts');
  const metrics = createMetrics(served);
  const guard = createGuard(flags.allowHost ?? []);
  const init = {
    guard,
    contract: () => offer.contract,
    pages: new Map([
      ['/healthz', healthPage],
      ['/readyz', readyPage(served)],
      ['/metrics', metrics.page],
    ]),
    onAnswered: metrics.answered,
  };
  const listening = await listen(() => createLocalServer(init), guard, flags, descriptors);
  for (const { shown } of listening) printLine('info', `listening on ${shown}`);
  printOffer(offer, listening, flags);
  await runUntilSignal({
    notifier,
    reloads,
    watch: (onSummary) => watchStates(served, onSummary),
    begin: () => things.start(),
    async reload() {
      offer = await load(things, flags);
      things.start();
      things.retry();
    },
  });
  things.abandon();
  await Promise.all(listening.map(({ server }) => drain(server, DRAIN_MS)));
  metrics.close();
}

function checkFlags({ imds, tokenFile, tokenFolder, socket, allowHost = [] }: ServeFlags): void {
  if (!allowHost.every(isHostName)) {
    throw new UsageError('--allow-host must be a host name or an IP address, without a port', {
      hint: 'such as device.example',
    });
  }
  const paths = { '--token-file': tokenFile, '--token-folder': tokenFolder, '--socket': socket };
  for (const [flag, path] of Object.entries(paths)) {
    if (path !== undefined) createdPath(path, flag);
  }
  if (imds !== true) return;
  const flag = tokenFile === undefined ? '--token-folder' : '--token-file';
  if (tokenFile === undefined && tokenFolder === undefined) return;
  throw new UsageError(
    `${flag} does not belong to --imds: any local program gets a session token there`,
    {
      hint: 'leave one of them out',
    },
  );
}

/** What is offered to clients. */
interface Offer {
  readonly contract: Contract;
  /** What clients of each thing need. */
  readonly clients: readonly Client[];
}

interface Client extends Partial<TokenPlace> {
  readonly name: string;
  readonly path: string;
}

/** Reads settings and tokens; if something is wrong, what is served does not change. */
async function load(things: Things, flags: ServeFlags): Promise<Offer> {
  const read = await things.read();
  const offer = flags.imds === true ? imdsOffer(read) : containerOffer(read, flags);
  read.commit();
  return offer;
}

function containerOffer({ entries, isMany }: ReadThings, flags: ServeFlags): Offer {
  const names = entries.map(({ thing }) => thing.name);
  const tokens = readTokens(flags, isMany ? names : undefined);
  const clients = entries.map(({ thing }, index) => ({
    name: thing.name,
    path: isMany ? `/things/${thing.name}${CREDENTIALS_PATH}` : CREDENTIALS_PATH,
    served: thing,
    ...(tokens[index] as TokenPlace),
  }));
  return { contract: containerContract(clients), clients };
}

function imdsOffer({ entries: [first, ...more] }: ReadThings): Offer {
  if (first === undefined || more.length > 0) {
    throw new UsageError('--imds serves one thing, and the file of settings has several', {
      hint: 'choose one with --thing-name, and run a process for each',
    });
  }
  const { settings, thing } = first;
  const { name: region } = regionFor(settings);
  const contract = imdsContract({ role: settings.roleAlias, region, served: thing });
  return { contract, clients: [{ name: thing.name, path: '/' }] };
}

function printOffer(
  { clients }: Offer,
  listening: readonly Listening[],
  { imds = false, json = false }: ServeFlags,
): void {
  const base = listening.find((one) => one.base !== undefined)?.base;
  const described = clients.map(({ name, path, file }) => ({
    thingName: name,
    variables: {
      ...(base !== undefined &&
        (imds
          ? { AWS_EC2_METADATA_SERVICE_ENDPOINT: `${base}${path}` }
          : { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${base}${path}` })),
      ...(file !== undefined && { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }),
    },
    path,
  }));
  const lines = described.flatMap(({ thingName, variables }) => [
    ...(described.length > 1 ? [`# ${thingName}`] : []),
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  ]);
  const addresses = listening.map(({ shown }) => shown);
  printResult({ lines, json: { listening: addresses, things: described } }, json);
}
