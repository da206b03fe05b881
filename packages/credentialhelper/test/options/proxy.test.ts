import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseEndpoint } from '../../src/options/endpoint.ts';
import { isWithoutProxy } from '../../src/options/no-proxy.ts';
import { checkProxy, withoutProxySecrets } from '../../src/options/proxy.ts';
import { errorOf } from '../support/errors.ts';
import { pins } from '../support/mistyped.ts';

const endpoint = parseEndpoint('abc.credentials.iot.eu-west-1.amazonaws.com');

/** Sets the proxy variables of a test. */
function environment(variables: Readonly<Record<string, string>>): void {
  for (const name of ['https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']) {
    vi.stubEnv(name, variables[name] ?? '');
  }
}
afterEach(() => vi.unstubAllEnvs());

describe('the URL of a proxy', () => {
  it.each([
    ['http://proxy.example:3128', false, 'proxy.example', 3128, 'http://proxy.example:3128'],
    ['proxy.example:3128', false, 'proxy.example', 3128, 'http://proxy.example:3128'],
    [' HTTP://Proxy.Example/ ', false, 'proxy.example', 80, 'http://proxy.example'],
    ['https://proxy.example', true, 'proxy.example', 443, 'https://proxy.example'],
    ['http://[::1]:3128', false, '::1', 3128, 'http://[::1]:3128'],
    ['10.0.0.1:8080', false, '10.0.0.1', 8080, 'http://10.0.0.1:8080'],
  ])('%j', (text, isSecure, host, port, name) => {
    const read = checkProxy(text, endpoint);
    expect(read).toEqual({ isSecure, host, port, name, origin: 'proxy', authorization: undefined });
  });

  it.each([
    ['http://user:pass@h:1', 'user:pass'],
    ['user:p%40s%2Fs%3A%25@h:1', 'user:p@s/s:%'],
    ['http://us%20er@h', 'us er:'],
    ['http://:only@h', ':only'],
    ['http://user:p@ss@h', 'user:p@ss'],
    ['http://user:pässword@h', 'user:pässword'],
  ])('%j has credentials', (text, credentials) => {
    const read = checkProxy(text, endpoint);
    const basic = `Basic ${Buffer.from(credentials).toString('base64')}`;
    expect(read?.authorization?.reveal()).toBe(basic);
    expect(inspect(read, { depth: 9, showHidden: true }) + JSON.stringify(read)).not.toMatch(
      /Basic|pass/i,
    );
  });

  it.each([false, ''])('%j is none, even if the environment has one', (none) => {
    environment({ HTTPS_PROXY: 'http://proxy' });
    expect(checkProxy(none, endpoint)).toBeUndefined();
  });

  it.each([
    ['socks5://user:the-password@h:1080', 'must begin with http:// or https://'],
    ['http://user:the-password@h/proxy.pac', 'must have neither path nor query'],
    ['http://user:the-password%@h', 'has a % in its user name or password that encodes nothing'],
    ['http://user:the-password/@h', 'is not the URL of a proxy'],
    ['http://', 'is not the URL of a proxy'],
    ['h:70000', 'is not the URL of a proxy'],
    [true, 'must be a URL, or false, got a boolean'],
    [['http://h'], 'must be a URL, or false, got an array'],
  ])('%j is refused, and not shown', async (value, problem) => {
    const error = await errorOf(() => checkProxy(value, endpoint));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain(`"proxy" ${problem}`);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('the-password');
  });

  it('is shown to people without its password', () => {
    expect(withoutProxySecrets('http://proxy:3128')).toBe('http://proxy:3128');
    expect(withoutProxySecrets('http://user:pass@proxy:3128')).toBe(
      'http://user:(a secret)@proxy:3128',
    );
    // A token without a user name.
    expect(withoutProxySecrets('token@proxy:3128')).toBe('http://(a secret)@proxy:3128');
    fc.assert(
      fc.property(pins, fc.boolean(), (pin, isEncoded) => {
        const shown = withoutProxySecrets(
          `http://u:${isEncoded ? encodeURIComponent(pin) : pin}@h`,
        );
        expect(shown).not.toContain(pin);
        expect(decodeURIComponent(shown.replaceAll(/%(?![0-9a-f]{2})/gi, ''))).not.toContain(pin);
      }),
    );
  });
});

describe('the proxy of the environment', () => {
  it.each([
    [{}, undefined],
    [{ HTTPS_PROXY: 'upper:1' }, 'http://upper:1 HTTPS_PROXY'],
    [{ HTTPS_PROXY: 'upper:1', https_proxy: 'lower:1' }, 'http://lower:1 https_proxy'],
    [{ HTTPS_PROXY: 'upper:1', NO_PROXY: 'amazonaws.com' }, undefined],
    [{ HTTPS_PROXY: 'upper:1', NO_PROXY: '*', no_proxy: 'x' }, 'http://upper:1 HTTPS_PROXY'],
  ])('%j', (variables, expected) => {
    environment(variables);
    const read = checkProxy(undefined, endpoint);
    expect(read && `${read.name} ${read.origin}`).toBe(expected);
  });

  it('is refused by the name of its variable', async () => {
    environment({ HTTPS_PROXY: 'socks5://h:1' });
    const error = await errorOf(() => checkProxy(undefined, endpoint));
    expect(error.message).toMatch(/^"HTTPS_PROXY" must begin with http/);
  });
});

describe('NO_PROXY', () => {
  it.each([
    ['', 'a.example', 443, false],
    ['*', 'a.example', 443, true],
    ['a.example', 'a.example', 443, true],
    ['A.Example', 'a.example', 443, true],
    ['.example', 'a.example', 443, true],
    ['*.example', 'a.example', 443, true],
    ['example', 'a.example', 443, true],
    ['example.', 'a.example', 443, true],
    ['ample', 'a.example', 443, false],
    ['b.a.example', 'a.example', 443, false],
    ['x, a.example ,y', 'a.example', 443, true],
    ['x a.example', 'a.example', 443, true],
    [',,', 'a.example', 443, false],
    ['.', 'a.example', 443, false],
    ['a.example:443', 'a.example', 443, true],
    ['a.example:8443', 'a.example', 443, false],
    ['127.0.0.1', '127.0.0.1', 443, true],
    ['127.0.0.1:8443', '127.0.0.1', 8443, true],
    ['::1', '::1', 443, true],
    ['[::1]', '::1', 443, true],
    ['[::1]:8443', '::1', 443, false],
    ['[::1]:8443', '::1', 8443, true],
  ])('%j, for %s:%i: %s', (list, host, port, expected) => {
    expect(isWithoutProxy(list, { host, port })).toBe(expected);
  });
});
