import type { AccountAnswer } from '../server/control/answers.ts';

/** Lines to copy, and what they are for. */
export interface Lines {
  readonly title: string;
  readonly text: string;
}

/** Returns lines that request credentials as a thing: for shells, Node.js and Python. */
export function readyLines(
  { caFile, credentialsEndpoint, apiEndpoint, region }: AccountAnswer,
  thingName: string,
  roleAlias: string,
): readonly Lines[] {
  const folder = caFile?.replace(/[^/\\]+$/, '') ?? '';
  const ca = caFile ?? 'ca.pem';
  const certificate = `${folder}${thingName}-cert.pem`;
  const key = `${folder}${thingName}-key.pem`;
  const names = { endpoint: credentialsEndpoint, region, roleAlias, thingName };
  const files = { certificate, privateKey: key, ca };
  const options = Object.entries({ ...names, ...files });
  const flags = options.map(
    ([name, value]) => `--${name.replaceAll(/[A-Z]/g, '-$&').toLowerCase()} ${quote(value)}`,
  );
  const url = `https://${credentialsEndpoint}/role-aliases/${encodeURIComponent(roleAlias)}/credentials`;
  return [
    {
      title: 'curl',
      text: join([
        `curl --cacert ${quote(ca)} --cert ${quote(certificate)} --key ${quote(key)}`,
        `--header ${quote(`x-amzn-iot-thingname: ${thingName}`)}`,
        quote(url),
      ]),
    },
    {
      title: 'AWS CLI',
      text: join([
        'npx awsiot-credentialhelper exec',
        ...flags,
        `-- aws sts get-caller-identity --endpoint-url ${apiEndpoint}`,
      ]),
    },
    {
      title: 'Session (Node.js)',
      text: [
        "import { createSession } from 'awsiot-credentialhelper';",
        '',
        'const session = createSession({',
        ...options.map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`),
        '});',
        'const { accessKeyId, expiration } = await session.credentials();',
      ].join('\n'),
    },
    {
      title: 'Session helper (Python)',
      text: [
        'from awsiot_credentialhelper.boto3_session import Boto3SessionProvider',
        '',
        'session = Boto3SessionProvider(',
        `    endpoint=${JSON.stringify(credentialsEndpoint)},`,
        `    role_alias=${JSON.stringify(roleAlias)},`,
        `    thing_name=${JSON.stringify(thingName)},`,
        `    certificate=${JSON.stringify(certificate)},`,
        `    private_key=${JSON.stringify(key)},`,
        `    ca=open(${JSON.stringify(ca)}, "rb").read(),`,
        ').get_session()',
      ].join('\n'),
    },
  ];
}

/** Joins the parts of a command to lines. */
function join(parts: readonly string[]): string {
  return parts.join(' \\\n  ');
}

/** Quotes a word for a POSIX shell, if needed. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
