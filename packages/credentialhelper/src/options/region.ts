import { CredentialHelperError } from '../errors.ts';
import { invalidOption } from './assert.ts';
import { isRegionName } from './endpoint.ts';
import { environmentVariable } from './environment.ts';

/** An AWS region. */
export interface Region {
  readonly name: string;
  /** Where it comes from, for the log. */
  readonly origin: string;
}

/** The environment variables of the AWS SDKs and the AWS CLI for the region, in this order. */
const VARIABLES = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const;

/**
 * The AWS region from the environment; undefined if it is not set.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION` for a value that is not a region name
 */
function regionOfEnvironment(): Region | undefined {
  const variable = VARIABLES.find((name) => environmentVariable(name) !== '');
  if (variable === undefined) return undefined;
  const name = environmentVariable(variable);
  if (!isRegionName(name)) {
    const problem = 'in the environment must be the name of an AWS region, such as eu-west-1';
    throw invalidOption(variable, problem, name);
  }
  return { name, origin: variable };
}

/**
 * The region of a session.
 *
 * @throws {@link CredentialHelperError} `ERR_REGION_UNKNOWN`
 */
export function regionFor({ region }: { readonly region: Region | undefined }): Region {
  const given = region ?? regionOfEnvironment();
  if (given !== undefined) return given;
  throw new CredentialHelperError('the AWS region cannot be read from "endpoint"', {
    code: 'ERR_REGION_UNKNOWN',
    hint: 'pass it as "region", or set AWS_REGION',
  });
}
