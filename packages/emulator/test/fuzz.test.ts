// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../src/index.ts';
import { evaluatePolicies, trusts } from '../src/policy/policy.ts';
import { type RawRequest, sendRaw, signRaw } from './support/raw-api.ts';

const emulator = await startEmulator();
afterAll(() => emulator.close());
await emulator.seed({ thingName: 'a', roleAlias: 'a', keyType: 'EC-P256' });
// No generated request names these.
const device = await emulator.seed({
  thingName: 'well',
  roleAlias: 'well-alias',
  keyType: 'EC-P256',
});
const credentialsPort = Number(emulator.credentialsEndpoint.split(':')[1]);
const certificate = await emulator.iot.createKeysAndCertificate({ keyType: 'EC-P256' });

/** Asserts that the emulator still responds, and did not report an internal error. */
async function assertWell(): Promise<void> {
  const answer = await sendRaw(
    emulator,
    await signRaw(emulator, { method: 'GET', path: '/things' }),
  );
  expect(answer.status).toBe(200);
  const request =
    'GET /role-aliases/well-alias/credentials HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  expect(await sendOverTls(Buffer.from(request), ANSWER_MS)).toMatch(/^HTTP\/1.1 200 /);
  expect(emulator.requests.latest.filter(({ status }) => status >= 500)).toEqual([]);
}

/** Sends raw bytes to the AWS APIs, and returns the response. */
function sendBytes(bytes: Uint8Array): Promise<string> {
  const socket = connect(Number(new URL(emulator.apiEndpoint).port), '127.0.0.1');
  return exchange(socket, bytes);
}

/** The same to the credential provider, over TLS with a device's certificate. */
function sendOverTls(bytes: Uint8Array, waitMs?: number): Promise<string> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: credentialsPort,
    servername: 'localhost',
    ca: emulator.ca,
    cert: device.certificatePem,
    key: device.privateKeyPem,
  });
  return exchange(socket, bytes, waitMs);
}

/** Timeout for a response on a busy machine. */
const ANSWER_MS = 10_000;

/** Sends bytes, and returns the response until the connection closes, or is idle for a moment. */
function exchange(socket: Socket, bytes: Uint8Array, waitMs = 100): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const end = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(waitMs, end).on('error', end).on('close', end);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.end(bytes);
  });
}

const name = fc.oneof(
  { weight: 3, arbitrary: fc.constant('a') },
  fc.constantFrom('__proto__', 'constructor', 'a', '..', '%00', 'x'.repeat(200)),
  fc.string({ maxLength: 20 }).map((text) => encodeURIComponent(text)),
);
const path = fc.oneof(
  name.map((one) => `/things/${one}`),
  name.map((one) => `/things/${one}/principals`),
  name.map((one) => `/policies/${one}`),
  name.map((one) => `/policies/${one}/version`),
  name.map((one) => `/role-aliases/${one}`),
  name.map((one) => `/certificates/${one}`),
  fc.constant(`/certificates/${certificate.certificateId}`),
  fc.constant(`/attached-policies/${encodeURIComponent(certificate.certificateArn)}`),
  name.map((one) => `/thing-groups/${one}`),
  name.map((one) => `/thing-groups/${one}/things`),
  name.map((one) => `/policy-targets/${one}`),
  name.map((one) => `/target-policies/${one}`),
  name.map((one) => `/attached-policies/${one}`),
  fc.constantFrom('/certificates', '/certificate/register', '/cacertificate', '/endpoint', '/'),
  fc.constantFrom('/thing-groups/addThingToThingGroup', '/policies', '/thing-groups'),
  fc.array(name, { maxLength: 4 }).map((names) => `/${names.join('/')}`),
);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH');
const members = fc.constantFrom(
  ...['thingTypeName', 'attributePayload', 'attributes', 'policyDocument', 'certificatePem'],
  ...['caCertificate', 'certificateSigningRequest', 'roleArn', 'target', 'status', '__proto__'],
  ...['credentialDurationSeconds', 'thingTypeProperties', 'verificationCertificate'],
  ...['parentGroupName', 'thingGroupProperties', 'thingGroupName', 'thingName', 'thingArn'],
  ...['expectedVersion', 'removeThingType', 'thingGroupArn'],
);
const valid = fc.constantFrom<unknown>(
  ...[
    'a',
    'ACTIVE',
    900,
    emulator.ca,
    'arn:aws:iam::123456789012:role/a',
    certificate.certificateArn,
  ],
  ...[JSON.stringify({ Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }), {}],
  { attributes: { colour: 'red', ['__proto__']: 'x' } },
);
const json = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .dictionary(members, fc.oneof(valid, fc.jsonValue({ maxDepth: 3 })))
    .map((value) => JSON.stringify(value)),
  fc.constant('{}'),
  fc
    .record({ policyDocument: valid, roleArn: valid, target: valid })
    .map((value) => JSON.stringify(value)),
);
const statement = fc.record(
  {
    Effect: fc.constantFrom('Allow', 'Deny', 'Maybe'),
    Action: fc.oneof(fc.string(), fc.array(fc.string()), fc.jsonValue()),
    Resource: fc.oneof(fc.string(), fc.array(fc.constantFrom('*', '${', '?*', '${a}', '}'))),
    NotResource: fc.jsonValue(),
    Principal: fc.jsonValue(),
    Condition: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

const line = fc.constantFrom(
  ...['GET / HTTP/1.1\r\n', 'GET // HTTP/1.1\r\n', 'POST http://[ HTTP/1.1\r\n', '\r\n'],
  ...['GET /role-aliases/a/credentials HTTP/1.1\r\n', 'Host: localhost\r\n', 'Host: x\r\n'],
  ...['Content-Length: 9\r\n', 'Transfer-Encoding: chunked\r\n', 'ff\r\n'],
  ...[`X: ${'y'.repeat(20_000)}\r\n`, 'Expect: 100-continue\r\n', 'Upgrade: h2c\r\n'],
);
const noise = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
const hardlyHttp = fc
  .array(
    fc.oneof(
      line.map((text) => Buffer.from(text)),
      noise,
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

describe('nothing that a client sends breaks the emulator:', () => {
  it('signed requests of any path, query and body', async () => {
    await fc.assert(
      fc.asyncProperty(method, path, json, async (verb, where, body) => {
        const raw: RawRequest = { method: verb, path: where, body };
        const { status } = await sendRaw(emulator, await signRaw(emulator, raw));
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
    await assertWell();
  });

  it('forms of the query protocol', async () => {
    const action = fc.constantFrom(
      ...['CreateRole', 'GetRole', 'UpdateRole', 'PutRolePolicy', 'AssumeRole', 'toString'],
      ...['ListRoles', 'ListRolePolicies', 'GetRolePolicy'],
      ...['SimulatePrincipalPolicy', 'SimulateCustomPolicy', 'GetContextKeysForCustomPolicy'],
    );
    const field = fc.constantFrom(
      ...['RoleName', 'PolicyName', 'PolicyDocument', 'AssumeRolePolicyDocument', 'Path'],
      ...['Description', 'MaxSessionDuration', 'RoleArn', 'RoleSessionName', 'DurationSeconds'],
      ...['Marker', 'MaxItems', 'PathPrefix'],
      ...['PolicySourceArn', 'CallerArn', 'ActionNames.member.1', 'ResourceArns.member.1'],
      ...['PolicyInputList.member.1', 'ContextEntries.member.1.ContextKeyName'],
    );
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('x', '/', '{}', '3600'));
    await fc.assert(
      fc.asyncProperty(action, fc.dictionary(field, value), async (Action, fields) => {
        const service = Action === 'AssumeRole' ? 'sts' : 'iam';
        const Version = service === 'sts' ? '2011-06-15' : '2010-05-08';
        const body = new URLSearchParams({ ...fields, Action, Version }).toString();
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const raw = { method: 'POST', path: '/', headers, body };
        const region = 'us-east-1';
        const signed = await signRaw(emulator, raw, { service, region });
        const { status } = await sendRaw(emulator, signed);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 200 },
    );
    await assertWell();
  });

  it('headers and queries that only look like signatures', async () => {
    const part = fc.oneof(
      fc.string({ maxLength: 30 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
      fc.constantFrom('Credential=', 'SignedHeaders=host', 'Signature=', 'a'.repeat(64), '/', ','),
      fc.constantFrom(
        `${emulator.administrator.accessKeyId}/20260101/us-east-1/iot/aws4_request`,
        '=',
      ),
    );
    const header = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(''));
    const date = fc.constantFrom('', '20260101T000000Z', '20269999T999999Z', 'x');
    await fc.assert(
      fc.asyncProperty(header, date, fc.boolean(), async (text, when, inQuery) => {
        const query = new URLSearchParams({
          'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
          'X-Amz-Credential': text,
          'X-Amz-SignedHeaders': 'host',
          'X-Amz-Signature': 'a'.repeat(64),
          'X-Amz-Expires': '999999',
          'X-Amz-Date': when,
        });
        const raw = inQuery
          ? { method: 'GET', path: `/things?${query}` }
          : {
              method: 'GET',
              path: '/things',
              headers: { authorization: `AWS4-HMAC-SHA256 ${text}`, 'x-amz-date': when },
            };
        expect((await sendRaw(emulator, raw)).status).toBe(403);
      }),
      { numRuns: 200 },
    );
    await assertWell();
  });

  it('bytes that are hardly HTTP', async () => {
    await fc.assert(
      fc.asyncProperty(hardlyHttp, async (sent) => {
        expect(await sendBytes(sent)).not.toMatch(/^HTTP\/1.1 5/);
      }),
      { numRuns: 60 },
    );
    await assertWell();
  });

  it('bytes that are hardly HTTP, over TLS', async () => {
    await fc.assert(
      fc.asyncProperty(hardlyHttp, async (sent) => {
        expect(await sendOverTls(sent)).not.toMatch(/^HTTP\/1.1 5/);
      }),
      { numRuns: 60 },
    );
    await assertWell();
  });

  it('bytes that are hardly TLS', async () => {
    const record = fc.constantFrom(
      ...['16030100', '1603010200010001fc0303', '15030300020100', '160303ffff', '170303000100'],
    );
    const bytes = fc
      .array(fc.oneof(record, fc.string({ unit: fc.constantFrom(...'0123456789abcdef') })))
      .map((parts) => Buffer.from(parts.join(''), 'hex'));
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        await exchange(connect(credentialsPort, '127.0.0.1'), sent);
      }),
      { numRuns: 40 },
    );
    await assertWell();
  });

  it('requests for credentials with any role alias, thing name, Host and query', async () => {
    const host = fc.constantFrom('localhost', 'LOCALHOST:1', 'x:y:z', '[::1]:2', '', 'localhost:');
    const text = fc.oneof(name, fc.string({ maxLength: 40 })).map((one) => one.replace(/\s/g, ''));
    const path = fc.oneof(
      fc.tuple(text, text).map(([alias, query]) => `/role-aliases/${alias}/credentials?${query}`),
      text.map((one) => `/${one}`),
      fc.constantFrom('*', 'https://localhost/role-aliases/a/credentials', '//'),
    );
    await fc.assert(
      fc.asyncProperty(path, text, host, async (where, thing, Host) => {
        const head = `GET ${where} HTTP/1.1\r\nHost: ${Host}\r\nx-amzn-iot-thingname: ${thing}`;
        const request = Buffer.from(`${head}\r\nConnection: close\r\n\r\n`);
        const answer = await sendOverTls(request, ANSWER_MS);
        expect(answer).toMatch(/^HTTP\/1.1 [24]/);
      }),
      { numRuns: 200 },
    );
    await assertWell();
  });

  it('policies of any shape', () => {
    const document = fc.oneof(
      fc.json(),
      fc
        .record({ Statement: fc.oneof(statement, fc.array(statement)) })
        .map((one) => JSON.stringify(one)),
      fc.array(statement).map((Statement) => JSON.stringify({ Statement })),
    );
    const request = { action: 'iot:AssumeRoleWithCertificate', resource: 'arn:aws:iot:x' };
    fc.assert(
      fc.property(fc.array(document, { maxLength: 3 }), (documents) => {
        expect(['allow', 'deny', 'silent']).toContain(evaluatePolicies(documents, request));
        const assumer = { kind: 'Service', names: ['x'], variables: {} } as const;
        for (const one of documents) expect(trusts(one, assumer)).toBeTypeOf('boolean');
      }),
      { numRuns: 1000 },
    );
  });
});
