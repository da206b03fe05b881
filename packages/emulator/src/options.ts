import { EmulatorError } from './errors.ts';
import type { Fault } from './faults/faults.ts';
import { checkName } from './names/check-name.ts';

/** What {@link startEmulator} takes. */
export interface EmulatorOptions {
  /** Folder that keeps state and keys across restarts. Default: in memory only. */
  readonly dir?: string | undefined;
  /** Port of the AWS APIs. Default 0: any free port. */
  readonly apiPort?: number | undefined;
  /** Port of the credential provider. Default 0: any free port. */
  readonly credentialsPort?: number | undefined;
  /** The oldest version of TLS that the credential provider takes. Default `TLSv1.2`. */
  readonly minTlsVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Twelve digits. Default 123456789012. */
  readonly accountId?: string | undefined;
  /** AWS region. Default `us-east-1`. */
  readonly region?: string | undefined;
  /** File that each request is written to, as a line of JSON without secrets. Default: none. */
  readonly logFile?: string | undefined;
  /** What goes wrong from the start; see `addFault`. */
  readonly faults?: readonly Fault[] | undefined;
  /** The time. Default: this machine's. */
  readonly clock?: { /** Epoch milliseconds. */ now(): number } | undefined;
}

const MAX_PORT = 65_535;

/** What each option must be, where it is given. */
const CHECKS: Readonly<
  Record<keyof EmulatorOptions, readonly [isRight: (value: unknown) => boolean, must: string]>
> = {
  dir: [isText, 'the path of a folder'],
  apiPort: [isPort, `a whole number from 0 to ${MAX_PORT}`],
  credentialsPort: [isPort, `a whole number from 0 to ${MAX_PORT}`],
  minTlsVersion: [(value) => value === 'TLSv1.2' || value === 'TLSv1.3', 'TLSv1.2 or TLSv1.3'],
  accountId: [isText, 'text'],
  region: [isText, 'text'],
  logFile: [isText, 'the path of a file'],
  faults: [Array.isArray, 'a list'],
  clock: [
    (value) => typeof (value as { now?: unknown }).now === 'function',
    'an object with now()',
  ],
};

/**
 * Checks what {@link startEmulator} was given.
 *
 * @throws {@link EmulatorError} `ERR_INVALID_OPTION`, or `InvalidRequestException` for an account id or a region that is
 * none
 */
export function checkOptions(options: EmulatorOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object');
  for (const [name, value] of Object.entries(options) as [keyof EmulatorOptions, unknown][]) {
    if (!Object.hasOwn(CHECKS, name)) {
      const known = Object.keys(CHECKS).join(', ');
      throw invalid(`unknown option "${name}"; known are ${known}`);
    }
    const [isRight, must] = CHECKS[name];
    if (value !== undefined && (value === null || !isRight(value))) {
      throw invalid(`option "${name}" must be ${must}`);
    }
  }
  const { accountId, region } = options;
  if (accountId !== undefined) checkName('account id', accountId);
  if (region !== undefined) checkName('region', region);
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
