import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../src/endpoint.ts';
import { errorOf } from './support/errors.ts';

describe('parseEndpoint', () => {
  it.each([
    ['a1b2.credentials.iot.us-west-2.amazonaws.com', 'us-west-2'],
    ['a1b2.credentials.iot.us-gov-east-1.amazonaws.com', 'us-gov-east-1'],
    ['a1b2.credentials.iot.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['a1b2.credentials.iot.ap-southeast-5.amazonaws.com:8443', 'ap-southeast-5'],
    ['A1B2.Credentials.IoT.EU-West-1.amazonaws.com', 'eu-west-1'],
    ['vpce-0a.credentials.iot.eu-central-1.vpce.amazonaws.com', 'eu-central-1'],
    ['a1b2.credentials.iot.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1'],
  ])('reads the region from %s', (text, region) => {
    expect(parseEndpoint(text).region).toBe(region);
  });

  it.each([
    ['device.example.com', 'device.example.com', 443, 'device.example.com'],
    ['localhost:8443', 'localhost', 8443, 'localhost:8443'],
    ['127.0.0.1', '127.0.0.1', 443, '127.0.0.1'],
    ['127.0.0.1:4433', '127.0.0.1', 4433, '127.0.0.1:4433'],
    ['[::1]', '::1', 443, '[::1]'],
    ['[::1]:4433', '::1', 4433, '[::1]:4433'],
    ['localhost:443', 'localhost', 443, 'localhost'],
  ])('takes %s', (text, host, port, authority) => {
    expect(parseEndpoint(text)).toEqual({ host, port, authority, region: undefined });
  });

  it.each([
    ['https://a1b2.credentials.iot.us-west-2.amazonaws.com/', 'it is a URL'],
    ['https://', 'it is a URL'],
    ['::1', 'brackets'],
    ['[::1', 'not a host name'],
    ['[127.0.0.1]', 'not a host name'],
    ['999.1.1.1', 'not a host name'],
    ['host name', 'not a host name'],
    ['host/path', 'not a host name'],
    ['-host', 'not a host name'],
    ['host:', 'port'],
    ['host:0', 'port'],
    ['host:65536', 'port'],
    ['host:8e2', 'port'],
    ['host:443:443', 'port'],
    ['user@host', 'not a host name'],
    ['', 'not a host name'],
  ])('refuses %j and says why', async (text, reason) => {
    const error = await errorOf(() => parseEndpoint(text));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain('"endpoint"');
    expect(error.message).toContain(reason);
  });

  it('names the host of a URL', async () => {
    const error = await errorOf(() => parseEndpoint('https://a.example:8443/x'));
    expect(error.hint).toContain('"a.example:8443"');
  });

  it.each([
    'a1b2-ats.iot.us-west-2.amazonaws.com',
    'a1b2.iot.us-west-2.amazonaws.com',
    'a1b2-ats.iot.cn-north-1.amazonaws.com.cn:8443',
    'a1b2.jobs.iot.us-west-2.amazonaws.com',
  ])('explains the data endpoint %s', async (text) => {
    const error = await errorOf(() => parseEndpoint(text));
    expect(error.code).toBe('ERR_DATA_ENDPOINT');
    expect(error.message).toMatch(
      /<prefix>\.credentials\.iot\.(us-west-2|cn-north-1)\.amazonaws\.com/,
    );
    expect(error.hint).toContain('iot:CredentialProvider');
  });

  it('gives an endpoint or our error for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webAuthority(), fc.domain(), fc.ipV6()), (text) => {
        try {
          const { port, host } = parseEndpoint(text);
          expect(port).toBeGreaterThan(0);
          expect(host).not.toMatch(/[/@\s[\]]/);
        } catch (error) {
          expect((error as Error).name).toBe('CredentialHelperError');
        }
      }),
    );
  });
});
