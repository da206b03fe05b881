import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { expectedSignature } from '../../../src/api/signing/expected-signature.ts';
import { readSigning } from '../../../src/api/signing/signing.ts';
import { readApiRequest } from '../../../src/server/read-request.ts';

// The key, the date and the service of AWS's public test suite of Signature Version 4.
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const COMMON = 'Host:example.amazonaws.com\r\nX-Amz-Date:20150830T123600Z';
const TOKEN =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';
const ALPHABET = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const VANILLA = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';

/** Name, request line, signature, and if any: header fields, their names if they are signed, body. */
const SUITE: readonly (readonly [string, string, string, string?, string?, string?])[] = [
  ['get-vanilla', 'GET /', VANILLA],
  ['get-relative', 'GET /example/..', VANILLA],
  ['get-relative-relative', 'GET /example1/example2/../..', VANILLA],
  ['get-slash', 'GET //', VANILLA],
  ['get-slash-dot-slash', 'GET /./', VANILLA],
  [
    'get-slash-pointless-dot',
    'GET /./example',
    'ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5',
  ],
  [
    'get-slashes',
    'GET //example//',
    '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
  ],
  [
    'get-unreserved',
    `GET /${ALPHABET}`,
    '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
  ],
  [
    'get-vanilla-empty-query-key',
    'GET /?Param1=value1',
    'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
  ],
  [
    'get-vanilla-query-order-key-case',
    'GET /?Param2=value2&Param1=value1',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'get-vanilla-query-order-value',
    'GET /?Param1=value2&Param1=value1',
    '5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694',
  ],
  [
    'get-vanilla-query-unreserved',
    `GET /?${ALPHABET}=${ALPHABET}`,
    '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
  ],
  [
    'get-vanilla-utf8-query',
    'GET /?%E1%88%B4=bar',
    '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
  ],
  [
    'post-vanilla-query-nonunreserved',
    `POST /?${encodeURIComponent('@#$%^')}=&%2B=${encodeURIComponent('/,?><`";:\\|][{}')}`,
    '66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e',
  ],
  [
    'get-header-key-duplicate',
    'GET /',
    'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
    'My-Header1:value2\r\nMy-Header1:value2\r\nMy-Header1:value1',
    'my-header1',
  ],
  [
    'get-header-value-order',
    'GET /',
    '08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01',
    'My-Header1:value4\r\nMy-Header1:value1\r\nMy-Header1:value3\r\nMy-Header1:value2',
    'my-header1',
  ],
  [
    'get-header-value-trim',
    'GET /',
    'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    'My-Header1: value1\r\nMy-Header2: "a   b   c"',
    'my-header1;my-header2',
  ],
  ['post-vanilla', 'POST /', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  [
    'post-header-value-case',
    'POST /',
    'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
    'My-Header1:VALUE1',
    'my-header1',
  ],
  [
    'post-sts-header-before',
    'POST /',
    '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    `X-Amz-Security-Token:${TOKEN}`,
    'x-amz-security-token',
  ],
  [
    'post-vanilla-query',
    'POST /?Param1=value1',
    '28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11',
  ],
  [
    'post-x-www-form-urlencoded',
    'POST /',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    'Content-Type:application/x-www-form-urlencoded',
    'content-type',
    'Param1=value1',
  ],
];

describe("AWS's test suite of Signature Version 4", async () => {
  const server = createServer(async (request, response) => {
    const read = await readApiRequest(request);
    const signing = read && readSigning(read);
    if (read === undefined || signing === undefined || 'code' in signing) response.end('unread');
    else response.end(expectedSignature(read, signing, SECRET));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());

  it.each(SUITE)('%s', async (_name, line, signature, fields = '', signed = '', body = '') => {
    const names = ['host', 'x-amz-date', ...signed.split(';')].filter((name) => name !== '').sort();
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names.join(';')}, Signature=${signature}`;
    const head = [
      `${line} HTTP/1.1`,
      COMMON,
      ...(fields === '' ? [] : [fields]),
      `Authorization: ${authorization}`,
      `Content-Length: ${body.length}`,
      'Connection: close',
    ];
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
    const answer = await text(socket);
    expect(answer.split('\r\n\r\n')[1]).toContain(signature);
  });
});
