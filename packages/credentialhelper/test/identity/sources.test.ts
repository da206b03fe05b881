import { execFileSync, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCertificates } from '../../src/identity/certificate.ts';
import { readPrivateKey } from '../../src/identity/private-key.ts';
import { Pipe } from '../../src/identity/read-file.ts';
import { openSource, readPipes, readSource, type Source } from '../../src/identity/read-source.ts';
import { errorOf } from '../support/errors.ts';
import { makeSelfSigned } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const { keyFile, certificateFile } = makeSelfSigned(folder, 'device');
const keyPem = readFileSync(keyFile, 'utf8');
const certificatePem = readFileSync(certificateFile, 'utf8');
const publicKey = createPublicKey(keyPem);

let made = 0;
/** Creates a FIFO to which another process writes after a while. */
function fifo(content?: string, afterSeconds = 0): string {
  const path = join(folder, `fifo-${made++}`);
  execFileSync('mkfifo', [path]);
  if (content !== undefined) {
    const command = `sleep ${afterSeconds}; printf %s "$CONTENT" >"$FIFO"`;
    spawn('sh', ['-c', command], { env: { ...process.env, CONTENT: content, FIFO: path } });
  }
  return path;
}

async function readKey(source: Source) {
  await readPipes([source], 5000);
  return createPublicKey(readPrivateKey(source)).equals(publicKey);
}

describe('a source', () => {
  it('may be a file: URL, as an object or a string', async () => {
    const url = pathToFileURL(keyFile);
    expect(await readKey(openSource(url, 'privateKey'))).toBe(true);
    expect(await readKey(openSource(url.href, 'privateKey'))).toBe(true);
  });

  it.each(['https://example.com/key.pem', 'file://elsewhere/key.pem', 'file:///a%2Fb'])(
    'may not be the URL %s',
    async (url) => {
      const error = await errorOf(() => openSource(new URL(url), 'privateKey'));
      expect(error.code).toBe('ERR_INVALID_OPTION');
      expect(error.message).not.toContain(url);
    },
  );

  it('copies bytes', async () => {
    const bytes = Buffer.from(keyPem);
    const source = openSource(bytes, 'privateKey');
    bytes.fill(0);
    expect(await readKey(source)).toBe(true);
  });

  it.each([0, 0.3])(
    'is a pipe, whose writer may come after %d s, and is read once',
    async (after) => {
      const source = openSource(fifo(keyPem, after), 'privateKey');
      expect(source).toBeInstanceOf(Pipe);
      expect(await readKey(source)).toBe(true);
      expect(await readKey(source)).toBe(true);
    },
  );

  it('reads a pipe once for two options', async () => {
    const path = fifo(keyPem + certificatePem);
    const key = openSource(path, 'privateKey');
    const certificate = openSource(path, 'certificate', [key]);
    await readPipes([key, certificate], 5000);
    expect(await readKey(key)).toBe(true);
    expect(readCertificates(certificate, 'certificate')).toHaveLength(1);
  });

  it('reads a slow pipe without blocking the event loop', async () => {
    const source = openSource(fifo(keyPem, 0.5), 'privateKey');
    const reading = readPipes([source], 5000);
    let turns = 0;
    const counting = setInterval(() => turns++, 10);
    await reading;
    clearInterval(counting);
    expect(turns).toBeGreaterThan(10);
  });

  it('times out for a pipe without a writer, or that is never closed', async () => {
    const error = await errorOf(() => readPipes([openSource(fifo(), 'privateKey')], 200));
    expect(error.code).toBe('ERR_FILE_UNREADABLE');
    expect(error.message).toMatch(/given as "privateKey": its end did not come within 200 ms/);
    const path = fifo();
    const writer = spawn('sh', ['-c', `exec 3>"${path}"; printf x >&3; sleep 30`]);
    const open = openSource(path, 'privateKey');
    expect((await errorOf(() => readPipes([open], 300))).message).toContain('its end did not come');
    writer.kill('SIGKILL');
  });

  it('continues to read a pipe after a timeout', async () => {
    const path = fifo();
    const command = `exec 3>"${path}"; printf %s "$ONE" >&3; sleep 0.6; printf %s "$TWO" >&3`;
    const [ONE, TWO] = [keyPem.slice(0, 40), keyPem.slice(40)];
    spawn('sh', ['-c', command], { env: { ...process.env, ONE, TWO } });
    const source = openSource(path, 'privateKey');
    await errorOf(() => readPipes([source], 200));
    expect(await readKey(source)).toBe(true);
  });

  it.each([
    ['a pipe without end', () => '/dev/zero'],
    ['a device', () => '/dev/null'],
    ['a folder', () => folder],
    [
      'a file of more than 1 MiB',
      () => {
        const file = join(folder, 'large.pem');
        writeFileSync(file, Buffer.alloc(1024 * 1024 + 1, 'A'));
        return file;
      },
    ],
  ])('may not be %s', async (_name, path) => {
    const source = openSource(path(), 'ca');
    const error = await errorOf(() => readSource(source, 'ca'));
    expect(error.code).toBe('ERR_FILE_UNREADABLE');
    expect(error.message).toContain('given as "ca"');
  });

  it('rejects a pipe with more than 1 MiB', async () => {
    const path = fifo();
    spawn('sh', ['-c', `head -c 2000000 /dev/zero >"${path}"`]);
    const error = await errorOf(() => readPipes([openSource(path, 'ca')], 5000));
    expect(error.message).toContain('more than 1048576 bytes');
  });

  it('names a "~" that no shell has expanded', async () => {
    const path = `~/${relative(homedir(), keyFile)}`;
    const error = await errorOf(() => openSource(path, 'privateKey'));
    expect(error.message).toContain('begins with "~"');
    expect(error.hint).toContain('home folder');
  });
});

describe('a private key that is readable by others', () => {
  const warningsOf = (file: string) => {
    const warnings: string[] = [];
    readPrivateKey(file, undefined, { warn: (message) => warnings.push(message) });
    return warnings.join('\n');
  };

  it('logs a warning if other users can read it, or own it', () => {
    expect(warningsOf(keyFile)).toBe('');
    chmodSync(keyFile, 0o640);
    expect(warningsOf(keyFile)).toContain(`file "${keyFile}" can be read by other users`);
    chmodSync(keyFile, 0o600);
  });

  it.runIf(process.getuid?.() === 0)('is warned of where another user owns it', () => {
    chownSync(keyFile, 65_534, 65_534);
    expect(warningsOf(keyFile)).toContain('belongs to another user (uid 65534)');
    chownSync(keyFile, 0, 0);
  });
});
