// The measured programs, and the comparisons.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DIST } from '../scripts/device.mjs';

const LIBRARY = JSON.stringify(join(DIST, 'index.js'));
const MAIN = join(DIST, 'cli/main.js');
const PYTHON = process.env.PYTHON ?? '/usr/bin/python3';

const FILE = 'session, key in a file';
const ISOLATED = 'session, key in a token';
const IN_PROCESS = 'session, key in a token, `isolate: false`';
const IMPORT = "`node -e 'import(…)'` of the library";
const COMMAND = '`awsiot-credentialhelper --version`';
const CACHED = '`credential-process`, from its cache';
const UNCACHED = '`credential-process --no-cache`, key in a file';
const CURL = '`curl`, key in a file';
const NOTHING = '`node -e 0`';
const PYTHON_FILE = 'Python session helper, key in a file';
const PYTHON_TOKEN = 'Python session helper, key in a token';
/** Node.js's own client, which only sends the request. */
export const BARE = 'bare `node:https`, key in a file';

const PAIRS = [
  [FILE, CURL],
  [FILE, NOTHING],
  [FILE, BARE],
  [IN_PROCESS, BARE],
  [ISOLATED, BARE],
  [FILE, PYTHON_FILE],
  [IN_PROCESS, PYTHON_TOKEN],
  [ISOLATED, PYTHON_TOKEN],
  [IMPORT, NOTHING],
  [COMMAND, NOTHING],
  [CACHED, NOTHING],
  [UNCACHED, BARE],
];

/** The commands by name, and the pairs of names to compare, for a device of `makeDevice()`. */
export function programs(device) {
  const commands = { ...nodePrograms(device), ...pythonPrograms(device) };
  return { commands, pairs: PAIRS.filter((pair) => pair.every((name) => name in commands)) };
}

function nodePrograms({ common, inFile, inToken, inTokenWith }) {
  const { endpoint, roleAlias, thingName, certificate, ca } = common;
  const credentialProcess = [
    ...[process.execPath, MAIN, 'credential-process', ...sessionFlags({ ...common, ...inFile })],
  ];
  const path = `/role-aliases/${roleAlias}/credentials`;
  const module = (program) => [process.execPath, '--input-type=module', '--eval', program];
  const session = (options) =>
    module(`import { createSession } from ${LIBRARY};
      await createSession(${JSON.stringify({ ...common, ...options })}).credentials();`);
  const request = {
    host: endpoint.split(':')[0],
    port: endpoint.split(':')[1],
    path,
    headers: { 'x-amzn-iot-thingname': thingName },
  };
  return {
    [CURL]: [
      ...['curl', '--silent', '--fail', '--output', '/dev/null', '--cacert', ca],
      ...['--cert', certificate, '--key', inFile.privateKey],
      ...['--header', `x-amzn-iot-thingname: ${thingName}`, `https://${endpoint}${path}`],
    ],
    [NOTHING]: [process.execPath, '-e', '0'],
    [BARE]: module(`import fs from 'node:fs'; import https from 'node:https';
      const read = (file) => fs.readFileSync(file);
      https.get({ ...${JSON.stringify(request)}, agent: false, ca: read(${JSON.stringify(ca)}),
        cert: read(${JSON.stringify(certificate)}), key: read(${JSON.stringify(inFile.privateKey)}) },
        async (response) => JSON.parse((await response.toArray()).join('')).credentials.accessKeyId);`),
    [FILE]: session(inFile),
    [IN_PROCESS]: session(inTokenWith(false)),
    [ISOLATED]: session(inToken),
    [IMPORT]: [process.execPath, '-e', `import(${LIBRARY})`],
    [COMMAND]: [process.execPath, MAIN, '--version'],
    [CACHED]: credentialProcess,
    [UNCACHED]: [...credentialProcess, '--no-cache'],
  };
}

/** The flags of a command for the options of a session. */
export function sessionFlags(options) {
  return Object.entries(options).flatMap(([option, value]) => [
    `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    value,
  ]);
}

/** None if PY_HELPER does not name a checkout of the Python session helper. */
function pythonPrograms({ common, inFile, inToken }) {
  const checkout = process.env.PY_HELPER;
  if (checkout === undefined) return {};
  const sources = join(checkout, 'src');
  if (!existsSync(join(sources, 'awsiot_credentialhelper')))
    throw new Error(`PY_HELPER=${checkout} is no checkout of the Python session helper`);
  const text = JSON.stringify;
  const session = (key) => [
    PYTHON,
    '-c',
    `import sys
sys.path.insert(0, ${text(sources)})
from awsiot_credentialhelper.boto3_session import Boto3SessionProvider
read = lambda file: open(file, 'rb').read()
session = Boto3SessionProvider(endpoint=${text(common.endpoint)}, role_alias=${text(common.roleAlias)},
    thing_name=${text(common.thingName)}, certificate=${text(common.certificate)}, ca=read(${text(common.ca)}), ${key}).get_session()
session.get_credentials().get_frozen_credentials().access_key
`,
  ];
  const { library, tokenLabel, userPin } = inToken.pkcs11;
  return {
    [PYTHON_FILE]: session(`private_key=${text(inFile.privateKey)}`),
    [PYTHON_TOKEN]: session(
      `pkcs11={'pkcs11_lib': ${text(library)}, 'token_label': ${text(tokenLabel)},
        'user_pin': read(${text(userPin.file)}).decode().strip()}`,
    ),
  };
}

/** The versions of the measured programs, by name. */
export const VERSIONS = {
  'Node.js': [process.execPath, '--version'],
  curl: ['curl', '--version'],
  ...(process.env.PY_HELPER !== undefined && {
    Python: [PYTHON, '--version'],
    boto3: [PYTHON, '-c', 'import boto3; print(boto3.__version__)'],
  }),
};
