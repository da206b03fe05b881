import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../src/options/endpoint.ts';
import { errorOf } from '../support/errors.ts';

describe('parseEndpoint', () => {
  it.each([
    ['a1b2.credentials.iot.us-west-2.amazonaws.com', 'us-west-2'],
    ['a1b2.credentials.iot.us-gov-east-1.amazonaws.com', 'us-gov-east-1'],
    ['a1b2.credentials.iot.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['a1b2.credentials.iot.ap-southeast-5.amazonaws.com:8443', 'ap-southeast-5'],
    ['A1B2.Credentials.IoT.EU-West-1.amazonaws.com', 'eu-west-1'],
    ['vpce-0a.credentials.iot.eu-central-1.vpce.amazonaws.com', 'eu-central-1'],
    ['a1b2.credentials.iot.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1'],
    ['data.credentials.iot-fips.us-west-2.amazonaws.com', 'us-west-2'],
    ['a1b2.credentials.iot.eu-west-1.api.aws', 'eu-west-1'],
    ['a1b2.credentials.iot.us-isob-east-1.sc2s.sgov.gov', 'us-isob-east-1'],
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
  ])('accepts %s', (text, host, port, authority) => {
    expect(parseEndpoint(text)).toEqual({ host, port, authority, region: undefined });
  });

  it.each([
    ['https://', 'not a host name'],
    ['http://a1b2.credentials.iot.us-west-2.amazonaws.com/', 'its scheme is not https'],
    ['mqtts://a1b2.credentials.iot.us-west-2.amazonaws.com', 'its scheme is not https'],
    ['https://device.example.com/role-aliases', 'not that of the credential provider'],
    ['https://device.example.com/?x=y', 'not that of the credential provider'],
    ['device.example.com/topics/x', 'not that of the credential provider'],
    ['device.example.com..', 'not a host name'],
    ['.', 'not a host name'],
    ['::1', 'brackets'],
    ['[::1', 'not a host name'],
    ['[127.0.0.1]', 'not a host name'],
    ['999.1.1.1', 'not a host name'],
    ['host name', 'not a host name'],
    ['host/path', 'not that of'],
    ['-host', 'not a host name'],
    ['host:', 'port'],
    ['host:0', 'port'],
    ['host:65536', 'port'],
    ['host:8e2', 'port'],
    ['host:443:443', 'port'],
    ['user@host', 'not a host name'],
    ['', 'not a host name'],
  ])('rejects %j and says why', async (text, reason) => {
    const error = await errorOf(() => parseEndpoint(text));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain('"endpoint"');
    expect(error.message).toContain(reason);
  });

  it('names the host of a URL with another scheme', async () => {
    const error = await errorOf(() => parseEndpoint('http://a.example:8443/x'));
    expect(error.hint).toContain('"a.example:8443"');
  });

  const right = 'a1b2.credentials.iot.us-west-2.amazonaws.com';
  it.each([
    [`https://${right}`, 443],
    [`HTTPS://${right}/`, 443],
    [`https://${right}:443`, 443],
    [`https://${right}/role-aliases/the-alias/credentials`, 443],
    [`${right}/role-aliases/the-alias/credentials/`, 443],
    [`${right}/role-aliases/the%2Dalias/credentials`, 443],
    [`${right}.`, 443],
    [`${right}.:8443/`, 8443],
    [`  ${right}\r\n`, 443],
    [right.toUpperCase(), 443],
  ])('takes %j for the plain name', (text, port) => {
    const authority = port === 443 ? right : `${right}:${port}`;
    const expected = { host: right, port, authority, region: 'us-west-2' };
    expect(parseEndpoint(text, 'the-alias')).toEqual(expected);
  });

  it('accepts https URLs with addresses, and with other names', () => {
    expect(parseEndpoint('https://[::1]:8443/')).toMatchObject({ host: '::1', port: 8443 });
    expect(parseEndpoint('https://Device.Example.com.')).toMatchObject({
      host: 'device.example.com',
    });
  });

  it('rejects a path with a role alias that differs from the option', async () => {
    const text = `https://${right}/role-aliases/one/credentials`;
    const error = await errorOf(() => parseEndpoint(text, 'other'));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain('a role alias that differs from "roleAlias"');
  });

  it.each([
    'https://user:not-to-show@host/',
    'http://user:not-to/show@host/',
    'user:not-to-show@host',
    'https://host/?X-Amz-Security-Token=not-to-show',
    'host\nnot-to-show',
    `-----BEGIN PRIVATE KEY-----not-to-show`,
    `host/${'not-to-show'.repeat(30)}`,
  ])('shows no secret of %j', async (text) => {
    const { message, hint } = await errorOf(() => parseEndpoint(text));
    expect(message + hint).not.toMatch(/not-to/);
  });

  const DATA: readonly (readonly [name: string, instead: string])[] = [
    ['a1b2-ats.iot.us-west-2.amazonaws.com', 'iot.us-west-2.amazonaws.com'],
    ['A1B2-ats.iot.US-WEST-2.amazonaws.com.', 'iot.us-west-2.amazonaws.com'],
    ['https://a1b2-ats.iot.us-west-2.amazonaws.com/', 'iot.us-west-2.amazonaws.com'],
    ['a1b2.iot.us-west-2.amazonaws.com', 'iot.us-west-2.amazonaws.com'],
    ['a1b2-ats.iot.us-gov-west-1.amazonaws.com', 'iot.us-gov-west-1.amazonaws.com'],
    ['a1b2.ats.iot.cn-north-1.amazonaws.com.cn', 'iot.cn-north-1.amazonaws.com.cn'],
    ['a1b2-ats.iot.cn-northwest-1.amazonaws.com.cn:8443', 'iot.cn-northwest-1.amazonaws.com.cn'],
    ['data.iot-fips.us-east-1.amazonaws.com', 'iot-fips.us-east-1.amazonaws.com'],
    ['data.iot.eu-west-1.amazonaws.com', 'iot.eu-west-1.amazonaws.com'],
    ['data-ats.iot.eu-west-1.api.aws', 'iot.eu-west-1.api.aws'],
    ['a1b2-ats.iot.eu-west-1.api.aws', 'iot.eu-west-1.api.aws'],
    ['a1b2-ats.iot.us-iso-east-1.c2s.ic.gov', 'iot.us-iso-east-1.c2s.ic.gov'],
    ['a1b2-ats.iot.us-isob-east-1.sc2s.sgov.gov', 'iot.us-isob-east-1.sc2s.sgov.gov'],
    ['a1b2-ats.iot.eu-isoe-west-1.cloud.adc-e.uk', 'iot.eu-isoe-west-1.cloud.adc-e.uk'],
    ['a1b2-ats.iot.us-isof-south-1.csp.hci.ic.gov', 'iot.us-isof-south-1.csp.hci.ic.gov'],
    ['a1b2-ats.iot.eusc-de-east-1.amazonaws.eu', 'iot.eusc-de-east-1.amazonaws.eu'],
    ['a1b2.jobs.iot.us-west-2.amazonaws.com', 'iot.us-west-2.amazonaws.com'],
    ['data.jobs.iot-fips.us-west-2.amazonaws.com', 'iot-fips.us-west-2.amazonaws.com'],
    ['greengrass-ats.iot.us-west-2.amazonaws.com', 'iot.us-west-2.amazonaws.com'],
    ['vpce-0a.data.iot.eu-central-1.vpce.amazonaws.com', 'iot.eu-central-1.vpce.amazonaws.com'],
  ];
  it.each(DATA)('explains the data endpoint %s', async (text, instead) => {
    const error = await errorOf(() => parseEndpoint(text));
    expect(error.code).toBe('ERR_DATA_ENDPOINT');
    expect(error.message).toContain(`<prefix>.credentials.${instead}, `);
    expect(error.hint).toContain('iot:CredentialProvider');
  });

  it.each([
    ['iot.us-west-2.amazonaws.com', "AWS IoT's control plane"],
    ['iot-fips.us-gov-west-1.amazonaws.com', "AWS IoT's control plane"],
    ['iot.us-west-2.api.aws', "AWS IoT's control plane"],
    ['iot.cn-north-1.amazonaws.com.cn', "AWS IoT's control plane"],
    ['api.tunneling.iot.us-west-2.amazonaws.com', 'secure tunneling'],
    ['credentials.iot.us-west-2.amazonaws.com', 'lacks the account-specific prefix'],
    ['credentials.iot.amazonaws.com', 'trust policies'],
    ['a1b2.credential.iot.us-west-2.amazonaws.com', 'not the name of a credential provider'],
    ['sts.us-west-2.amazonaws.com', '"sts"'],
    ['sts-fips.us-west-2.amazonaws.com', '"sts-fips"'],
    ['sts.amazonaws.com', '"sts"'],
    ['sts.us-iso-east-1.c2s.ic.gov', '"sts"'],
    ['https://cognito-identity.eu-west-1.amazonaws.com/', '"cognito-identity"'],
    ['vpce-0a.sts.eu-central-1.vpce.amazonaws.com', '"sts"'],
    ['iot.amazonaws.com', '"iot"'],
  ])('explains %s', async (text, what) => {
    const error = await errorOf(() => parseEndpoint(text));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toContain(what);
    expect(error.hint).toContain(
      'aws iot describe-endpoint --endpoint-type iot:CredentialProvider',
    );
  });

  it.each([
    'ec2-1-2-3-4.eu-west-1.compute.amazonaws.com',
    'my-proxy-1234.eu-west-1.elb.amazonaws.com',
    'my-proxy-1234.elb.eu-west-1.amazonaws.com',
    'abc.execute-api.eu-west-1.amazonaws.com',
    'vpce-0a-b1.vpce-svc-0c.eu-west-1.vpce.amazonaws.com',
    'a1b2-ats.iot.us-west-2.example.com',
    'iot.example.com',
  ])('accepts %s, which may be a proxy', (text) => {
    expect(parseEndpoint(text).host).toBe(text);
  });

  it('returns an endpoint or a CredentialHelperError for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webAuthority(), fc.domain(), fc.ipV6()), (text) => {
        try {
          const endpoint = parseEndpoint(text);
          const { port, host, authority } = endpoint;
          expect(parseEndpoint(authority)).toEqual(endpoint);
          expect(port).toBeGreaterThan(0);
          expect(host).not.toMatch(/[/@\s[\]]/);
        } catch (error) {
          expect((error as Error).name).toBe('CredentialHelperError');
        }
      }),
    );
  });
});
