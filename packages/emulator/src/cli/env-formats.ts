import { quoted } from '../credentials/remedies.ts';

type Variables = readonly (readonly [name: string, value: string])[];

/** A format of environment variables. */
export type EnvFormat = 'sh' | 'fish' | 'powershell' | 'dotenv' | 'json';

/** What would be used instead of the access key. */
const UNSET = ['AWS_SESSION_TOKEN', 'AWS_PROFILE'];

/** How each format sets variables, and removes others; the values contain neither quotes nor line breaks. */
export const ENV_FORMATS: Readonly<Record<EnvFormat, (variables: Variables) => readonly string[]>> =
  {
    sh: (variables) => [
      ...variables.map(([name, value]) => `export ${name}=${quoted(value)}`),
      `unset ${UNSET.join(' ')}`,
    ],
    fish: (variables) => [
      ...variables.map(([name, value]) => `set -gx ${name} ${quoted(value)}`),
      `set -e ${UNSET.join(' ')}`,
    ],
    powershell: (variables) => [
      ...variables.map(([name, value]) => `$env:${name} = '${value}'`),
      ...UNSET.map((name) => `$env:${name} = $null`),
    ],
    dotenv: (variables) => variables.map(([name, value]) => `${name}=${value}`),
    json: (variables) => [JSON.stringify(Object.fromEntries(variables), null, 2)],
  };
