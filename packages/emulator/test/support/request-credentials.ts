import { get } from 'node:https';
import type { Emulator, Seed } from '../../src/index.ts';

/** The credentials in a response; empty if there are none. */
export interface Received {
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
}

/** Requests credentials as a device that was created by `seed`. */
export function requestCredentials(
  { credentialsEndpoint, ca }: Emulator,
  { certificatePem: cert, privateKeyPem: key, roleAlias, thingName }: Seed,
): Promise<Received> {
  const url = `https://${credentialsEndpoint}/role-aliases/${roleAlias}/credentials`;
  return new Promise((resolve, reject) => {
    get(url, { ca, cert, key, headers: { 'x-amzn-iot-thingname': thingName } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        try {
          resolve((JSON.parse(text) as { credentials?: Received }).credentials ?? {});
        } catch {
          resolve({});
        }
      });
    }).on('error', reject);
  });
}
