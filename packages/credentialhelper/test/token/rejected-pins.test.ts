import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CredentialHelperError } from '../../src/errors.ts';
import { Secret } from '../../src/identity/secret.ts';
import { openRejectedPins } from '../../src/token/rejected-pins.ts';
import { errorOf } from '../support/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PIN = new Secret('hunter2');
const rejection = new CredentialHelperError('C_Login returned CKR_PIN_INCORRECT', {
  code: 'ERR_PIN_INCORRECT',
});
const warnings: string[] = [];
const open = (folder: string | undefined) =>
  openRejectedPins(folder, (message) => warnings.push(message));

describe('openRejectedPins', () => {
  it('remembers a PIN for its token, for whoever opens the folder next', async () => {
    const folder = join(temporaryFolder(), 'made', 'when needed');
    open(folder).assertNotRejected('token', PIN);
    open(folder).remember('token', PIN, rejection);
    const error = await errorOf(() => open(folder).assertNotRejected('token', PIN));
    expect(error.code).toBe('ERR_PIN_INCORRECT');
    expect(error.message).toMatch(
      /rejected this PIN on \d{4}-.*not tried again.*CKR_PIN_INCORRECT/,
    );
    open(folder).assertNotRejected('other token', PIN);
    open(folder).assertNotRejected('token', new Secret('hunter3'));
    expect(warnings).toEqual([]);
  });

  it('the file that the hint names ends the memory when it is deleted', async () => {
    const folder = temporaryFolder();
    open(folder).remember('token', PIN, rejection);
    const error = await errorOf(() => open(folder).assertNotRejected('token', PIN));
    rmSync(/delete (.*)$/.exec(error.hint ?? '')?.[1] ?? '');
    open(folder).assertNotRejected('token', PIN);
  });

  it('keeps only hashes, for the owner alone', () => {
    const folder = join(temporaryFolder(), 'state');
    open(folder).remember('token', PIN, rejection);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder).map((name) => join(folder, name));
    expect(files).toHaveLength(2);
    for (const file of files) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(file + readFileSync(file, 'latin1')).not.toContain('hunter2');
    }
  });

  it('holds to a rejection whose text is damaged', async () => {
    const folder = temporaryFolder();
    open(folder).remember('token', PIN, rejection);
    const name = readdirSync(folder).find((file) => file.endsWith('.json')) ?? '';
    writeFileSync(join(folder, name), '{"code":');
    const error = await errorOf(() => open(folder).assertNotRejected('token', PIN));
    expect(error.code).toBe('ERR_PIN_INCORRECT');
  });

  it('warns where the folder cannot be made, and goes on', () => {
    const file = join(temporaryFolder(), 'a-file');
    writeFileSync(file, '');
    chmodSync(file, 0o400);
    open(join(file, 'state')).remember('token', PIN, rejection);
    expect(warnings.pop()).toContain('cannot remember');
    open(join(file, 'state')).assertNotRejected('token', PIN);
  });

  it('warns of a file system that has no room for folders', () => {
    warnings.length = 0;
    open('/proc/none/state').remember('token', PIN, rejection);
    expect(warnings).toEqual([expect.stringContaining('cannot remember in /proc/none/state')]);
  });

  it('remembers nothing without a folder', () => {
    const pins = open(undefined);
    pins.remember('token', PIN, rejection);
    pins.assertNotRejected('token', PIN);
  });
});
