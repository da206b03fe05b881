import { randomBytes } from 'node:crypto';
import { type Account, openAccount } from './account/account.ts';
import { EmulatorError } from './errors.ts';
import { type Fault, openFaults } from './faults/faults.ts';
import type { Counters, RequestRecord } from './http/request-record.ts';
import { credentialsHostName, LOCAL_NAME } from './names/host-names.ts';
import { checkOptions, type EmulatorOptions } from './options.ts';
import { createWrongCertificates } from './pki/pki.ts';
import { openRequestLog, type RequestLog } from './server/request-log.ts';
import { close, createApiServer, createCredentialServer, listen } from './server/servers.ts';
import { openStore } from './state/store.ts';

/** A running emulator. It listens on the loopback interface only. Never for production. */
export interface Emulator extends Account, AsyncDisposable {
  /** URL of the AWS APIs: what `AWS_ENDPOINT_URL` takes. */
  readonly apiEndpoint: string;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
  /**
   * The name that the credential provider would have on AWS. It answers to this one too, for a client that is told to
   * connect to the emulator instead (`/etc/hosts`, `curl --connect-to`).
   */
  readonly credentialsHostName: string;
  /** The CA certificate of the credential provider, as PEM. */
  readonly ca: string;
  /** The same as a file, where there is a folder. */
  readonly caFile: string | undefined;
  readonly accountId: string;
  readonly region: string;
  /** The administrator's access key, for the AWS APIs. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The latest requests, oldest first; at most 10 000. */
  readonly requests: readonly RequestRecord[];
  /**
   * Lets credentials live this long from now on, in milliseconds, whatever the role alias says; undefined goes back to
   * the role alias. Credentials with a negative lifetime have ended when they come.
   *
   * @throws {@link EmulatorError} `ERR_INVALID_OPTION`
   */
  setCredentialLifetime(lifetimeMs: number | undefined): void;
  /** How many requests there were since the start, by endpoint and status. */
  readonly counters: Counters;
  /** What control requests carry as bearer token. */
  readonly controlToken: string;
  /**
   * Makes something go wrong at the credential provider.
   *
   * @throws {@link EmulatorError} `ERR_FAULT`
   */
  addFault(fault: Fault): void;
  /** Ends all faults. */
  clearFaults(): void;
  /** Stops the emulator. */
  close(): Promise<void>;
}

const MAX_RECORDS = 10_000;

/**
 * Starts an emulator of AWS IoT's credential provider and of AWS STS.
 *
 * @throws {@link EmulatorError} (as a rejection) for options that are wrong, a folder that cannot be used, and a port
 * that is in use
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  checkOptions(options);
  const {
    dir,
    accountId,
    region,
    minTlsVersion = 'TLSv1.2',
    apiPort = 0,
    credentialsPort = 0,
  } = options;
  const now = () => (options.clock ?? Date).now();
  const store = await openStore({ dir, accountId, region, nowMs: now() });
  const { state } = store;
  const requests: RequestRecord[] = [];
  const counters = { credentials: {}, api: {} } as Record<
    RequestRecord['endpoint'],
    Record<number, number>
  >;
  let lifetimeMs: number | undefined;
  let credentialsEndpoint = '';
  const account = openAccount(store, now);
  const faults = openFaults();
  const controlToken = randomBytes(24).toString('base64url');
  let log: RequestLog | undefined;
  const stopStore = () => {
    store.close();
    log?.close();
  };
  try {
    for (const fault of options.faults ?? []) faults.add(fault);
    log = options.logFile === undefined ? undefined : openRequestLog(options.logFile);
  } catch (error) {
    stopStore();
    throw error;
  }
  const context = {
    state,
    account,
    credentialsEndpoint: () => credentialsEndpoint,
    now,
    lifetimeMs: () => lifetimeMs,
    faults,
    wrongCertificates: await createWrongCertificates(state.pki.serverCa, state.region, now()),
    control: { account, faults, counters, requests, controlToken },
    record(request: RequestRecord) {
      requests.push(request);
      if (requests.length > MAX_RECORDS) requests.shift();
      const statuses = counters[request.endpoint];
      statuses[request.status] = (statuses[request.status] ?? 0) + 1;
      log?.write(request);
    },
  };
  const credentialServer = createCredentialServer(context, minTlsVersion);
  const apiServer = createApiServer(context);
  let stopped = false;
  const stop = async () => {
    await Promise.all([credentialServer, apiServer].map(close));
    if (!stopped) stopStore();
    stopped = true;
  };
  try {
    const [boundCredentialsPort, boundApiPort] = await Promise.all([
      listen(credentialServer, credentialsPort),
      listen(apiServer, apiPort),
    ]);
    credentialsEndpoint = `${LOCAL_NAME}:${boundCredentialsPort}`;
    const apiEndpoint = `http://127.0.0.1:${boundApiPort}`;
    store.lock?.publish({ apiEndpoint, controlToken });
    return {
      ...account,
      apiEndpoint,
      credentialsEndpoint,
      credentialsHostName: credentialsHostName(state),
      ca: state.pki.serverCa.certificatePem,
      caFile: store.caFile,
      accountId: state.accountId,
      region: state.region,
      ...state.administrator,
      requests,
      counters,
      controlToken,
      addFault: (fault) => faults.add(fault),
      clearFaults: () => faults.clear(),
      setCredentialLifetime(value) {
        if (value !== undefined && !Number.isFinite(value)) {
          throw new EmulatorError('a lifetime is a number of milliseconds', {
            code: 'ERR_INVALID_OPTION',
          });
        }
        lifetimeMs = value;
      },
      close: stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
