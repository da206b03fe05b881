import { randomBytes } from 'node:crypto';
import { type Iam, type Iot, openAccount } from './account/account.ts';
import { type Seed, type SeedInput, seed } from './account/seed.ts';
import { type ExplainInput, type Explanation, explain } from './credentials/explain.ts';
import { type User, userOf } from './credentials/user.ts';
import { EmulatorError } from './errors.ts';
import { type Faults, openFaults } from './faults/faults.ts';
import { ALL_INTERFACES, credentialsHostName, LOCAL_NAME, LOOPBACK } from './names/host-names.ts';
import { checkOptions, type EmulatorOptions } from './options.ts';
import { createWrongCertificates, issueServerCertificate, serverNames } from './pki/pki.ts';
import { createApiServer } from './server/api-server.ts';
import { CONSOLE_PATH } from './server/control/serve.ts';
import { createCredentialServer } from './server/credential-server.ts';
import { close, listen } from './server/listen.ts';
import { openRequestHistory, type Requests } from './server/request-history.ts';
import { openDeviceFiles } from './state/device-files.ts';
import { openStore, type Store } from './state/store.ts';

/** How the credential provider issues credentials. */
export interface CredentialSettings {
  /**
   * Sets the lifetime of credentials that are issued from now on.
   *
   * @param lifetimeMs - milliseconds, 0 to 1e12, instead of the duration of the role alias; undefined (initially) for
   * the duration of the role alias
   * @throws {@link EmulatorError} `ERR_INVALID_OPTION` for any other value
   */
  setLifetime(lifetimeMs: number | undefined): void;
  /**
   * Explains why a request for credentials gets them, or does not: step by step, with the AWS CLI commands after which
   * a step that fails holds. The request is not made, and faults are not considered.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a certificate that is neither an id nor PEM
   */
  explain(input: ExplainInput): Explanation;
}

/** A running emulator. It listens on the loopback interface only, unless set otherwise. Never for production. */
export interface Emulator extends AsyncDisposable {
  /** The URL of the AWS APIs, such as `http://127.0.0.1:40123`, for `AWS_ENDPOINT_URL`. */
  readonly apiEndpoint: string;
  /** The credential provider, as `host:port`, such as `localhost:40124`; the host is the first of `names`, if set. */
  readonly credentialsEndpoint: string;
  /**
   * The host name that the credential provider would have on AWS. It also responds under this name, for a client that
   * connects to the emulator instead (`/etc/hosts`, `curl --connect-to`).
   */
  readonly credentialsHostName: string;
  /** The CA certificate of the credential provider, as PEM. */
  readonly ca: string;
  /** The path of a file with that certificate; undefined without a folder. */
  readonly caFile: string | undefined;
  /** The id of the account: twelve digits. */
  readonly accountId: string;
  /** The AWS region. */
  readonly region: string;
  /**
   * The access key of the account's root user, for requests to the AWS APIs: the `credentials` of an SDK client. As on
   * AWS, the root user may not assume a role, and its sessions last an hour at most.
   */
  readonly administrator: {
    /** `AKIA` and 16 characters. */
    readonly accessKeyId: string;
    /** A secret of 40 characters. */
    readonly secretAccessKey: string;
  };
  /** An IAM user of the account, with all permissions: for what the root user may not do, such as `AssumeRole`. */
  readonly user: User;
  /** The bearer token of control requests. */
  readonly controlToken: string;
  /** The URL of the console, for a browser on this machine. It contains the control token: do not log it. */
  readonly consoleUrl: string;
  /**
   * Creates everything that a thing needs to get credentials: thing and certificate, and role, role alias and policy,
   * unless they exist. Without input, the names are `my-thing`, `my-thing-2`, … and `my-alias`.
   *
   * @throws {@link EmulatorError} (as a rejection) `InvalidRequestException` for an invalid name, key type or duration,
   * `ResourceAlreadyExistsException` for a thing that exists, or a role alias with another duration,
   * `ServiceUnavailableException` if it cannot be written to the folder
   */
  seed(input?: SeedInput): Promise<Seed>;
  /** Things, thing groups, certificates, policies and role aliases. */
  readonly iot: Iot;
  /** Roles and managed policies. */
  readonly iam: Iam;
  /** How the credential provider issues credentials. */
  readonly credentials: CredentialSettings;
  /** The faults of the credential provider and the AWS APIs. */
  readonly faults: Faults;
  /** The requests of clients. */
  readonly requests: Requests;
  /** Stops the emulator, closes all connections, and unlocks the folder. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts an emulator of AWS IoT's credential provider and of the AWS APIs around it.
 *
 * @throws {@link EmulatorError} (as a rejection) `ERR_INVALID_OPTION` and `InvalidRequestException` for invalid
 * options, `ERR_FAULT` for an invalid fault, `ERR_DIR` for a folder that cannot be used, or has another account or
 * region, `ERR_IN_USE` for one that is in use by another emulator, `ERR_FILE` for a log that cannot be written,
 * `ERR_PORT` for a port that is in use
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  checkOptions(options);
  const { dir, accountId, region } = options;
  const now = () => checkTime((options.clock ?? Date).now());
  const store = await openStore({ dir, accountId, region, nowMs: now() });
  const opened: Closable[] = [store];
  let closing: Promise<void> | undefined;
  const stop = () => {
    closing ??= closeAll(opened);
    return closing;
  };
  try {
    return {
      ...(await start(options, store, now, opened)),
      close: stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const MAX_LIFETIME_MS = 1e12;

function isLifetime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_LIFETIME_MS;
}

/** JSON has no other numbers, and dates of four digits end in the year 9999. */
const MAX_TIME_MS = Date.UTC(9000, 0);

function checkTime(timeMs: number): number {
  if (Number.isFinite(timeMs) && timeMs >= 0 && timeMs < MAX_TIME_MS) return timeMs;
  throw new EmulatorError('option "clock" must return a time in epoch milliseconds', {
    code: 'ERR_INVALID_OPTION',
  });
}

/** The open resources of a running emulator. */
interface Closable {
  close(): unknown;
}

/** Closes all open resources, the latest first, even if closing another fails. */
async function closeAll(opened: Closable[]): Promise<void> {
  const latest = opened.pop();
  if (latest === undefined) return;
  try {
    await latest.close();
  } finally {
    await closeAll(opened);
  }
}

/** Opens everything but the store, and adds each to `opened`, to be closed also if a later step throws. */
async function start(
  options: EmulatorOptions,
  store: Store,
  now: () => number,
  opened: Closable[],
): Promise<Omit<Emulator, 'close' | typeof Symbol.asyncDispose>> {
  const { minTlsVersion = 'TLSv1.2', apiPort = 0, credentialsPort = 0, host = LOOPBACK } = options;
  const names = (options.names ?? []).map((name) => name.toLowerCase());
  const { state } = store;
  const faults = openFaults();
  for (const fault of options.faults ?? []) faults.add(fault);
  const requests = openRequestHistory(options.logFile);
  opened.push(requests);
  const account = openAccount(store, now);
  const { dir } = options;
  const seedContext = { store, account, now };
  const seedThing = (input?: SeedInput) => seed(seedContext, input);
  const seedFiles =
    dir === undefined
      ? undefined
      : (input: SeedInput) => seed(seedContext, input, (name) => openDeviceFiles(dir, name));
  const explainRequest = (input: ExplainInput) => explain(state, input, now());
  const controlToken = randomBytes(24).toString('base64url');
  let lifetimeMs: number | undefined;
  let credentialsEndpoint = '';
  let apiEndpoint = '';

  const allNames = serverNames(state.region, names);
  const common = { state, now, record: requests.record };
  const credentialServer = createCredentialServer({
    ...common,
    useRole: account.useRole,
    lifetimeMs: () => lifetimeMs,
    faults,
    host,
    names,
    certificatePem:
      names.length === 0
        ? state.pki.server.certificatePem
        : await issueServerCertificate(state.pki, allNames, now()),
    wrongCertificates: await createWrongCertificates(state.pki, allNames, now()),
    minTlsVersion,
  });
  const apiServer = createApiServer({
    ...common,
    account,
    faults,
    credentialsEndpoint: () => credentialsEndpoint,
    control: {
      seed: seedThing,
      seedFiles,
      explain: explainRequest,
      account,
      faults,
      history: requests,
      accessKey: { region: state.region, ...state.administrator },
      controlToken,
      reach: { names, isOpen: host === ALL_INTERFACES },
      endpoints: () => ({ apiEndpoint, credentialsEndpoint, caFile: store.caFile }),
      now,
    },
  });
  opened.push(credentialServer, { close: () => close(apiServer) });
  credentialsEndpoint = `${names[0] ?? LOCAL_NAME}:${await credentialServer.listen(credentialsPort)}`;
  apiEndpoint = `http://${LOOPBACK}:${await listen(apiServer, apiPort, host)}`;
  store.lock?.publish({ apiEndpoint, controlToken });

  return {
    apiEndpoint,
    credentialsEndpoint,
    credentialsHostName: credentialsHostName(state),
    ca: state.pki.serverCa.certificatePem,
    caFile: store.caFile,
    accountId: state.accountId,
    region: state.region,
    administrator: { ...state.administrator },
    user: userOf(state),
    controlToken,
    consoleUrl: `${apiEndpoint}${CONSOLE_PATH}#token=${controlToken}`,
    seed: seedThing,
    iot: account.iot,
    iam: account.iam,
    credentials: {
      setLifetime(value) {
        if (value !== undefined && !isLifetime(value)) {
          throw new EmulatorError(
            `the lifetime must be a number of milliseconds from 0 to ${MAX_LIFETIME_MS}; the fault "lifetimeMs" issues expired credentials`,
            { code: 'ERR_INVALID_OPTION' },
          );
        }
        lifetimeMs = value;
      },
      explain: explainRequest,
    },
    faults: { add: faults.add, list: faults.list, remove: faults.remove, clear: faults.clear },
    requests: { latest: requests.latest, counters: requests.counters },
  };
}
