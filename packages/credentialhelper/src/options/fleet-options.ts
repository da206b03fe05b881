import type { Source } from '../identity/read-source.ts';
import { optionalWholeNumber, ownOptions, readingOptions, requireText } from './assert.ts';
import {
  type CommonInit,
  checkKey,
  checkMaxWait,
  checkRoleAlias,
  checkShared,
  checkThingName,
  type FileKeyInit,
  IN_PKCS11,
  requireSource,
  type Settings,
  type SharedSettings,
  type TokenKeyInit,
} from './options.ts';

/** Options of `createFleet`: those of a session that do not depend on the thing. */
export interface FleetInit extends Omit<CommonInit, 'thingName' | 'certificate' | 'maxWaitMs'> {
  /**
   * How long a call for credentials waits for its turn and for a retry after a failure, in milliseconds: 1000 to
   * 3 600 000. Default 120 000.
   */
  readonly maxWaitMs?: number | undefined;
  /**
   * The maximum number of requests at a time, 1 to 1000; keys in tokens of one PKCS#11 library are used one at a time.
   * Default 32.
   */
  readonly maxConcurrent?: number | undefined;
  /**
   * `true` fetches the credentials of each thing when it is added, and refreshes them proactively, so that they are
   * always available. It does not keep the process running. Default false.
   */
  readonly keepFresh?: boolean | undefined;
}

/** A thing of a fleet, with exactly one of `privateKey` and `pkcs11`. */
export type ThingInit = (
  | Pick<FileKeyInit, 'certificate' | 'privateKey' | 'passphrase' | 'pkcs11'>
  | Pick<TokenKeyInit, 'certificate' | 'privateKey' | 'passphrase' | 'pkcs11'>
) & {
  /** Name of the thing: 1 to 128 characters: letters, digits and `: _ -`. */
  readonly thingName: string;
  /** Name of the role alias. Default: that of the fleet. */
  readonly roleAlias?: string | undefined;
};

/** The validated options of a fleet. */
export interface FleetSettings extends SharedSettings {
  readonly ca: Source | undefined;
  readonly maxWaitMs: number;
  readonly maxConcurrent: number;
}

const FLEET_OPTION_NAMES: readonly (keyof FleetInit)[] = [
  'endpoint',
  'roleAlias',
  'ca',
  'region',
  'verifyPeer',
  'timeoutMs',
  'maxWaitMs',
  'maxConcurrent',
  'keepFresh',
  'proxy',
  'userAgent',
  'logger',
  'parentClientConfig',
];

const THING_OPTION_NAMES: readonly (keyof ThingInit)[] = [
  'thingName',
  'roleAlias',
  'certificate',
  'privateKey',
  'passphrase',
  'pkcs11',
];

/** Even without others, a turn comes in the next iteration of the event loop only. */
const MIN_MAX_WAIT_MS = 1000;
const DEFAULT_MAX_WAIT_MS = 120_000;
const DEFAULT_MAX_CONCURRENT = 32;
const MAX_CONCURRENT = 1000;

/**
 * Validates and normalizes the options of a fleet.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_DATA_ENDPOINT`
 */
export function checkFleetOptions(given: FleetInit): FleetSettings {
  return readingOptions(() => {
    const options = ownOptions(given, FLEET_OPTION_NAMES, '');
    return {
      ...checkShared(options),
      ca: options.ca === undefined ? undefined : requireSource(options.ca, 'ca'),
      maxWaitMs: checkMaxWait(options.maxWaitMs, MIN_MAX_WAIT_MS, DEFAULT_MAX_WAIT_MS),
      maxConcurrent: optionalWholeNumber(options.maxConcurrent, 'maxConcurrent', {
        min: 1,
        max: MAX_CONCURRENT,
        fallback: DEFAULT_MAX_CONCURRENT,
      }),
    };
  });
}

/**
 * Validates and normalizes the options of a thing.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`, `ERR_KEY_SOURCE`, `ERR_PKCS11_LIBRARY`,
 * `ERR_FILE_UNREADABLE`
 */
export function checkThingOptions(
  given: ThingInit,
  fleet: FleetSettings,
): Settings & { readonly thingName: string } {
  return readingOptions(() => {
    const options = ownOptions(given, THING_OPTION_NAMES, '', IN_PKCS11);
    const { maxConcurrent: _, ...shared } = fleet;
    return {
      ...shared,
      thingName: checkThingName(requireText(options.thingName, 'thingName')),
      roleAlias:
        options.roleAlias === undefined ? fleet.roleAlias : checkRoleAlias(options.roleAlias),
      key: checkKey(options, fleet.warn),
    };
  });
}
