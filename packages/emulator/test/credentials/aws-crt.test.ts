import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { auth, http, io } from 'aws-crt';
import { afterAll, expect, it } from 'vitest';
import { type Seed, startEmulator } from '../../src/index.ts';

const emulator = await startEmulator();
afterAll(() => emulator.close());
const seeded = await emulator.seed({ thingName: 'red', roleAlias: 'red-alias' });

// The provider connects to port 443 of the endpoint: the proxy redirects it to the emulator.
const [, port] = emulator.credentialsEndpoint.split(':');
const proxy = createServer();
proxy.on('connect', (_request, client) => {
  const server = connect(Number(port), '127.0.0.1', () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    server.pipe(client).pipe(server);
  });
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => other.destroy());
  }
});
proxy.listen(0, '127.0.0.1');
await once(proxy, 'listening');
afterAll(() => proxy.close());

/** Signs with credentials that the provider of the AWS Common Runtime fetches with a device's certificate. */
function sign({ certificatePem, privateKeyPem }: Seed): Promise<http.HttpRequest> {
  const tls = new io.TlsContextOptions();
  tls.certificate = certificatePem;
  tls.private_key = privateKeyPem;
  tls.certificate_authority = emulator.ca;
  const provider = auth.AwsCredentialsProvider.newX509({
    endpoint: emulator.credentialsHostName,
    thingName: 'red',
    roleAlias: 'red-alias',
    tlsContext: new io.ClientTlsContext(tls),
    httpProxyOptions: new http.HttpProxyOptions(
      '127.0.0.1',
      (proxy.address() as AddressInfo).port,
      undefined,
      undefined,
      undefined,
      undefined,
      http.HttpProxyConnectionType.Tunneling,
    ),
  });
  const headers = new http.HttpHeaders([['host', new URL(emulator.apiEndpoint).host]]);
  const path = '/?Action=GetCallerIdentity&Version=2011-06-15';
  return auth.aws_sign_request(new http.HttpRequest('GET', path, headers), {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
    provider,
    region: emulator.region,
    service: 'sts',
  });
}

it('returns credentials to the X.509 provider of the AWS Common Runtime that STS accepts', async () => {
  const { path, headers } = await sign(seeded);
  const url = `${emulator.apiEndpoint}${path}`;
  const answer = await fetch(url, { headers: Object.fromEntries(headers) });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain(
    `:assumed-role/${seeded.roleName}/${seeded.certificateId}<`,
  );
  expect(emulator.requests.latest[0]).toMatchObject({
    endpoint: 'credentials',
    status: 200,
    thingName: 'red',
    serverName: emulator.credentialsHostName,
  });
});

it('rejects it with a certificate of another thing', async () => {
  const other = await emulator.seed({ thingName: 'blue', roleAlias: 'blue-alias' });
  await expect(sign(other)).rejects.toThrow(/credentials/i);
  expect(emulator.requests.latest.at(-1)).toMatchObject({ status: 403, thingName: 'red' });
});
