import { EmulatorError } from './errors.ts';
import type { Fault } from './faults/fault.ts';
import { checkName } from './names/check-name.ts';
import { ALL_INTERFACES, LOOPBACK } from './names/host-names.ts';

/** Options of {@link startEmulator}. */
export interface EmulatorOptions {
  /** The path of a folder that keeps state and keys across restarts; created if missing. Default: in memory only. */
  readonly dir?: string | undefined;
  /** The port of the AWS APIs: 0 to 65535. Default 0: any free port. */
  readonly apiPort?: number | undefined;
  /** The port of the credential provider: 0 to 65535. Default 0: any free port. */
  readonly credentialsPort?: number | undefined;
  /**
   * The address to listen on. Default `127.0.0.1`: only programs on this machine can connect. `0.0.0.0`: all
   * interfaces, for a container in a network of tests. Never for production.
   */
  readonly host?: '127.0.0.1' | '0.0.0.0' | undefined;
  /**
   * More host names by which clients reach the emulator, such as the name of its container. The certificate of the
   * credential provider is also valid for them, and `credentialsEndpoint` has the first one. Default: none.
   */
  readonly names?: readonly string[] | undefined;
  /** The oldest TLS version that the credential provider accepts. Default `TLSv1.2`. */
  readonly minTlsVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** The id of the account: twelve digits. Default: the one in the folder, or 123456789012. */
  readonly accountId?: string | undefined;
  /** The AWS region. Default: the one in the folder, or `us-east-1`. */
  readonly region?: string | undefined;
  /** The path of a file to which each request is appended, as a line of JSON without secrets. Default: none. */
  readonly logFile?: string | undefined;
  /** Initial faults of the credential provider and the AWS APIs. Default: none. */
  readonly faults?: readonly Fault[] | undefined;
  /** The emulator's clock. Default: this machine's. */
  readonly clock?:
    | {
        /** Returns the time in epoch milliseconds. */
        now(): number;
      }
    | undefined;
}

const MAX_PORT = 65_535;

/** The requirements of each option, if set. */
const CHECKS: Readonly<
  Record<keyof EmulatorOptions, readonly [isRight: (value: unknown) => boolean, must: string]>
> = {
  dir: [isText, 'the path of a folder'],
  apiPort: [isPort, `a whole number from 0 to ${MAX_PORT}`],
  credentialsPort: [isPort, `a whole number from 0 to ${MAX_PORT}`],
  host: [(value) => value === LOOPBACK || value === ALL_INTERFACES, '127.0.0.1 or 0.0.0.0'],
  names: [Array.isArray, 'a list'],
  minTlsVersion: [(value) => value === 'TLSv1.2' || value === 'TLSv1.3', 'TLSv1.2 or TLSv1.3'],
  accountId: [isText, 'a string'],
  region: [isText, 'a string'],
  logFile: [isText, 'the path of a file'],
  faults: [Array.isArray, 'a list'],
  clock: [
    (value) => typeof (value as { now?: unknown }).now === 'function',
    'an object with now()',
  ],
};

/**
 * Validates the options of {@link startEmulator}.
 *
 * @throws {@link EmulatorError} `ERR_INVALID_OPTION`, or `InvalidRequestException` for an invalid account id,
 * region or host name
 */
export function checkOptions(options: EmulatorOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object');
  for (const [name, value] of Object.entries(options) as [keyof EmulatorOptions, unknown][]) {
    if (!Object.hasOwn(CHECKS, name)) {
      const known = Object.keys(CHECKS).join(', ');
      throw invalid(`unknown option "${name}"; expected one of ${known}`);
    }
    const [isRight, must] = CHECKS[name];
    if (value !== undefined && (value === null || !isRight(value))) {
      throw invalid(`option "${name}" must be ${must}`);
    }
  }
  const { accountId, region, names = [] } = options;
  if (accountId !== undefined) checkName('account id', accountId);
  if (region !== undefined) checkName('region', region);
  for (const name of names) checkName('host name', name);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_PORT;
}

function invalid(problem: string): EmulatorError {
  return new EmulatorError(problem, { code: 'ERR_INVALID_OPTION' });
}
