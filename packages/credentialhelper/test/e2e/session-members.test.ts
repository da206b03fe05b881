import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STSClient } from '@aws-sdk/client-sts';
import type { Logger } from '@smithy/types';
import { createSession, type FileKeyInit, fromIotCore } from 'awsiot-credentialhelper';
import { beforeEach, describe, expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned, openssl } from '../support/openssl.ts';
import { credentials, json, startRawServer } from '../support/raw-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const device = makeSelfSigned(folder, 'device');
const server = await startRawServer(folder);
let fetches = 0;
beforeEach(() => {
  fetches = 0;
  const give = json({ credentials });
  server.behave = (socket) => {
    fetches++;
    return give(socket);
  };
});

const common = {
  endpoint: server.endpoint,
  region: 'eu-west-1',
  roleAlias: 'the-alias',
  maxWaitMs: 0,
  certificate: device.certificateFile,
  ca: server.caFile,
};
const open = (more: Partial<FileKeyInit> = {}) =>
  createSession({ ...common, privateKey: device.keyFile, ...more });

/** A logger that keeps its lines of level info. */
function keepLines() {
  const lines: string[] = [];
  const info = (line: string) => lines.push(line);
  return { lines, logger: { debug() {}, info, warn() {}, error() {} } };
}

describe('a session', () => {
  it('has the expiration of its credentials', async () => {
    const session = open();
    expect(session.expiration).toBeUndefined();
    await session.credentials();
    expect(session.expiration).toEqual(new Date(credentials.expiration));
  });

  it('keeps its own date, whatever is done with the one that it gives', async () => {
    const session = open();
    const given = await session.credentials();
    given.expiration.setTime(Number.NaN);
    session.expiration?.setTime(0);
    expect(session.expiration).toEqual(new Date(credentials.expiration));
    expect((await session.credentials()).expiration).toEqual(session.expiration);
  });

  it('fetches when it is asked to refresh', async () => {
    const session = open();
    await session.credentials();
    await session.credentials();
    expect(fetches).toBe(1);
    expect(await session.refresh()).toMatchObject({ accessKeyId: credentials.accessKeyId });
    expect(fetches).toBe(2);
  });

  it('rejects and sends nothing once it is closed', async () => {
    const session = open();
    await session.credentials();
    await session.close();
    await session.close();
    expect(session.expiration).toBeUndefined();
    for (const ask of [() => session.credentials(), () => session.refresh()]) {
      expect((await errorOf(ask)).code).toBe('ERR_SESSION_CLOSED');
    }
    expect(fetches).toBe(1);
  });

  it('waits, when it closes, for the pending fetch', async () => {
    const give = json({ credentials });
    let isAnswered = false;
    server.behave = (socket) =>
      setTimeout(() => {
        isAnswered = true;
        give(socket);
      }, 100);
    const session = open();
    const given = session.credentials();
    await session.close();
    expect(isAnswered).toBe(true);
    expect(await given).toMatchObject({ accessKeyId: credentials.accessKeyId });
    expect(session.expiration, 'nothing is kept').toBeUndefined();
  });

  it('closes even if a fetch fails', async () => {
    server.behave = (socket) => socket.destroy();
    const session = open();
    const failed = errorOf(() => session.credentials());
    await session.close();
    expect((await failed).code).toBe('ERR_CONNECTION_RESET');
  });

  it('is closed by "await using"', async () => {
    const session = open();
    await session[Symbol.asyncDispose]();
    expect((await errorOf(() => session.credentials())).code).toBe('ERR_SESSION_CLOSED');
  });

  it('can be spread as the configuration of a client, without other properties', async () => {
    const session = open();
    expect(Object.keys({ ...session })).toEqual(['region', 'credentials']);
    const sts = new STSClient(session);
    expect(await sts.config.region()).toBe('eu-west-1');
    expect(await sts.config.credentials()).toMatchObject({ accessKeyId: credentials.accessKeyId });
    sts.destroy();
  });
});

describe('a passphrase', () => {
  const passphrase = 'orchard wall';
  const privateKey = join(folder, 'encrypted.pem');
  const encrypt = ['-topk8', '-passout', `pass:${passphrase}`];
  openssl('pkcs8', '-in', device.keyFile, ...encrypt, '-out', privateKey);
  const file = join(folder, 'passphrase');
  writeFileSync(file, `${passphrase}\n`, { mode: 0o600 });
  process.env.TEST_PASSPHRASE = passphrase;

  it.each<[string, NonNullable<FileKeyInit['passphrase']>]>([
    ['as text', passphrase],
    ['from a file', { file }],
    ['from an environment variable', { environmentVariable: 'TEST_PASSPHRASE' }],
    ['from a function', () => passphrase],
    ['from a function that takes its time', async () => passphrase],
  ])('is taken %s', async (_name, source) => {
    const session = open({ privateKey, passphrase: source });
    await session.credentials();
    await session.refresh();
    expect(fetches).toBe(2);
  });

  it('that is wrong is reported at once if available at once, else by the first fetch', async () => {
    const wrong = 'another';
    expect((await errorOf(() => open({ privateKey, passphrase: wrong }))).code).toBe(
      'ERR_PASSPHRASE_WRONG',
    );
    const later = open({ privateKey, passphrase: () => wrong });
    expect((await errorOf(() => later.credentials())).code).toBe('ERR_PASSPHRASE_WRONG');
    expect(fetches).toBe(0);
  });

  it('whose function fails or times out is reported', async () => {
    const failing = open({ privateKey, passphrase: () => Promise.reject(new Error('no')) });
    expect(await errorOf(() => failing.credentials())).toMatchObject({
      code: 'ERR_SECRET_SOURCE',
      message: 'the function given as "passphrase" failed',
    });
    const slow = open({ privateKey, passphrase: () => new Promise(() => {}), timeoutMs: 100 });
    expect((await errorOf(() => slow.credentials())).message).toMatch(
      /did not return a passphrase within \d+ ms/,
    );
  });
});

describe('the configuration of a client', () => {
  it('passed by chains sets region and logger', async () => {
    const { lines, logger } = keepLines();
    const parentClientConfig = { region: 'us-west-2', logger, credentials: 'not looked at' };
    const init = { ...common, region: undefined, privateKey: device.keyFile, parentClientConfig };
    const session = createSession(init);
    expect(session.region).toBe('us-west-2');
    await session.credentials();
    expect(lines).toEqual([expect.stringContaining('credentials for role alias "the-alias"')]);
  });

  it("does not override the session's own", async () => {
    const own = keepLines();
    const other = keepLines();
    const session = open({
      logger: own.logger,
      parentClientConfig: { region: 'us-west-2', logger: other.logger },
    });
    expect(session.region).toBe('eu-west-1');
    await session.credentials({ callerClientConfig: { logger: other.logger } });
    expect(own.lines).toHaveLength(1);
    expect(other.lines).toEqual([]);
  });

  it('passed by clients sets the logger', async () => {
    const { lines, logger } = keepLines();
    const provider = fromIotCore({ ...common, privateKey: device.keyFile });
    const sts = new STSClient({ region: 'eu-west-1', credentials: provider, logger });
    await sts.config.credentials();
    sts.destroy();
    expect(lines).toEqual([expect.stringContaining('credentials for role alias "the-alias"')]);
  });

  it('that clients pass gives the logger of the one that asked last', async () => {
    const provider = fromIotCore({ ...common, privateKey: device.keyFile });
    const silent = new STSClient({ region: 'eu-west-1', credentials: provider });
    await silent.config.credentials();
    const { lines, logger } = keepLines();
    const client = new STSClient({ region: 'eu-west-1', credentials: provider, logger });
    await client.config.credentials();
    await provider({ forceRefresh: true });
    expect(lines).toEqual([expect.stringContaining('credentials for role alias "the-alias"')]);
    for (const one of [silent, client]) one.destroy();
  });

  it.each<[string, object]>([
    ['lacks methods', { info() {} }],
    ['has none', {}],
    [
      'throws',
      {
        get info() {
          throw new Error('not this one');
        },
      },
    ],
  ])('may have a logger that %s', async (_name, logger) => {
    const session = open();
    const config = { logger: logger as Logger };
    expect(await session.credentials({ callerClientConfig: config })).toMatchObject({
      accessKeyId: credentials.accessKeyId,
    });
  });

  it('that cannot be read is rejected', async () => {
    const config = {
      get logger(): Logger {
        throw new Error('not this one');
      },
    };
    const error = await errorOf(() => open().credentials({ callerClientConfig: config }));
    expect(error.code).toBe('ERR_INVALID_OPTION');
  });
});
