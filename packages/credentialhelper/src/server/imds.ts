import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { bootMs } from '../process/timers.ts';
import { type Answer, jsonAnswer, textAnswer } from './answer.ts';
import { answerWithCredentials, type Contract, type Refuse, type Served } from './contract.ts';

/** What an instance metadata service tells about this device. */
export interface ImdsInit {
  /** The name of the role that is listed. */
  readonly role: string;
  readonly region: string;
  readonly served: Served;
}

const TOKEN_PATH = '/latest/api/token';
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const MAX_TTL_SECONDS = 21_600;

/**
 * The contract of the EC2 instance metadata service, version 2, as far as AWS SDKs use it (Amazon EC2 User Guide, "Use the
 * Instance Metadata Service"): a session token by PUT, then GET with it. Version 1, without a token, is refused.
 */
export function imdsContract({ role, region, served }: ImdsInit): Contract {
  const tokens = createTokens();
  const documents = documentsOf(role, region, served);
  return {
    name: 'imds',
    refuse,
    answer(request) {
      const { method, url = '' } = request;
      if (url === TOKEN_PATH) return issueToken(request, tokens);
      if (!tokens.isValid(request.headers[TOKEN_HEADER])) {
        return refuse(
          401,
          '',
          `PUT ${TOKEN_PATH} first: the header ${TOKEN_HEADER} is missing or invalid`,
        );
      }
      if (method !== 'GET') return refuse(405, '', 'only GET is answered');
      // The AWS CLI requests some of them with a slash at the end, others without.
      return documents.get(url.replace(/\/$/, ''))?.() ?? refuse(404, '', 'there is nothing here');
    },
  };
}

const refuse: Refuse = (status, _code, message) => textAnswer(status, `${message}\n`);

function issueToken({ method, headers }: IncomingMessage, tokens: Tokens): Answer {
  if (method !== 'PUT') return refuse(405, '', 'only PUT is answered');
  const text = headers[TTL_HEADER];
  const ttlSeconds = typeof text === 'string' && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS) {
    return refuse(
      400,
      '',
      `the header ${TTL_HEADER} must be a whole number from 1 to ${MAX_TTL_SECONDS}`,
    );
  }
  return textAnswer(200, tokens.issue(ttlSeconds), { [TTL_HEADER]: ttlSeconds });
}

interface Tokens {
  issue(ttlSeconds: number): string;
  isValid(token: unknown): boolean;
}

/** Creates and verifies session tokens. They hold the time of their end and are signed, so that none is stored. */
function createTokens(): Tokens {
  const key = randomBytes(32);
  const sign = (text: string) =>
    Buffer.from(createHmac('sha256', key).update(text).digest('base64url'));
  return {
    issue(ttlSeconds) {
      const content = `${Math.ceil(bootMs() + ttlSeconds * 1000).toString(36)}.${randomBytes(12).toString('base64url')}`;
      return `${content}.${sign(content)}`;
    },
    isValid(token) {
      const [, content = '', ends = '', signature = ''] = TOKEN.exec(String(token)) ?? [];
      const given = Buffer.from(signature);
      const expected = sign(content);
      return (
        given.length === expected.length &&
        timingSafeEqual(given, expected) &&
        bootMs() < Number.parseInt(ends, 36)
      );
    },
  };
}

const TOKEN = /^(([a-z0-9]{1,16})\.[\w-]{16})\.([\w-]{43})$/;

function documentsOf(role: string, region: string, served: Served): Map<string, () => Answer> {
  const roles = '/latest/meta-data/iam/security-credentials';
  // Clients find the region by it: they remove its last letter.
  const availabilityZone = `${region}a`;
  const always = (answer: Answer) => () => answer;
  return new Map([
    [roles, always(textAnswer(200, role))],
    [`${roles}/${role}`, credentialsOf(served)],
    ['/latest/meta-data/placement/region', always(textAnswer(200, region))],
    ['/latest/meta-data/placement/availability-zone', always(textAnswer(200, availabilityZone))],
    [
      '/latest/dynamic/instance-identity/document',
      always(jsonAnswer(200, { version: '2017-09-30', region, availabilityZone })),
    ],
    [
      '/latest/meta-data/iam/info',
      () =>
        jsonAnswer(200, {
          Code: 'Success',
          LastUpdated: new Date().toISOString(),
          // The account is not known here.
          InstanceProfileArn: `arn:aws:iam::000000000000:instance-profile/${role}`,
          InstanceProfileId: role,
        }),
    ],
  ]);
}

function credentialsOf(served: Served): () => Answer {
  return answerWithCredentials(
    served,
    ({ accessKeyId, secretAccessKey, sessionToken, expiration }) =>
      jsonAnswer(200, {
        Code: 'Success',
        LastUpdated: new Date().toISOString(),
        Type: 'AWS-HMAC',
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: expiration.toISOString(),
      }),
    refuse,
  );
}
