import { describe, expect, it } from 'vitest';
import { type EmulatorOptions, startEmulator } from '../src/index.ts';
import { errorOf } from './support/errors.ts';

describe('startEmulator', () => {
  it.each<[unknown, string, RegExp]>([
    [null, 'ERR_INVALID_OPTION', /options must be an object/],
    [{ folder: 'x' }, 'ERR_INVALID_OPTION', /unknown option "folder"; expected one of dir, /],
    [{ dir: '' }, 'ERR_INVALID_OPTION', /"dir" must be the path of a folder/],
    [{ dir: 5 }, 'ERR_INVALID_OPTION', /"dir" must be/],
    [{ apiPort: '80' }, 'ERR_INVALID_OPTION', /"apiPort" must be a whole number from 0 to 65535/],
    [{ credentialsPort: 65_536 }, 'ERR_INVALID_OPTION', /"credentialsPort" must be/],
    [{ minTlsVersion: 'TLSv1.1' }, 'ERR_INVALID_OPTION', /"minTlsVersion" must be TLSv1.2 or/],
    [{ host: 'localhost' }, 'ERR_INVALID_OPTION', /"host" must be 127.0.0.1 or 0.0.0.0/],
    [{ names: 'emulator' }, 'ERR_INVALID_OPTION', /"names" must be a list/],
    [{ names: ['a b'] }, 'InvalidRequestException', /"a b" is not a valid host name/],
    [{ names: ['10.0.0.1'] }, 'InvalidRequestException', /"10.0.0.1" is not a valid host name/],
    [{ faults: {} }, 'ERR_INVALID_OPTION', /"faults" must be a list/],
    [{ faults: [null] }, 'ERR_FAULT', /it is not an object/],
    [{ logFile: 5 }, 'ERR_INVALID_OPTION', /"logFile" must be/],
    [{ clock: {} }, 'ERR_INVALID_OPTION', /"clock" must be an object with now/],
    [{ accountId: '12' }, 'InvalidRequestException', /"12" is not a valid account id/],
    [{ region: 'x' }, 'InvalidRequestException', /"x" is not a valid region/],
  ])('rejects %j', async (options, code, message) => {
    const error = await errorOf(() => startEmulator(options as EmulatorOptions));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it('treats undefined as an option that is not set', async () => {
    await using emulator = await startEmulator({ dir: undefined, clock: undefined });
    expect(emulator.caFile).toBeUndefined();
  });
});
