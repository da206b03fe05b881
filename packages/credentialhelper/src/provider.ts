import { createSource } from './credentials/source.ts';
import type { IotCoreCredentialProvider } from './credentials/types.ts';
import { checkOptions, type FromIotCoreInit } from './options/options.ts';

/**
 * Makes a credential provider for the AWS SDK from a device certificate and its private key.
 *
 * The provider gives credentials that are valid now, from memory where it can: one request serves all who wait for it,
 * a new one goes out before the credentials end, and while it fails the old ones are given as long as they are valid. What
 * failed is tried again after a wait that grows; who asks meanwhile waits for that, up to `maxWaitMs`, or gets the last error.
 * Give the same provider to all clients, so that they share it.
 *
 * @example
 * ```ts
 * const credentials = fromIotCore({
 *   endpoint: 'abc123.credentials.iot.eu-west-1.amazonaws.com',
 *   roleAlias: 'my-role-alias',
 *   thingName: 'my-thing',
 *   certificate: 'my-thing-cert.pem',
 *   privateKey: 'my-thing-key.pem',
 * });
 * const s3 = new S3Client({ region: 'eu-west-1', credentials });
 * ```
 *
 * @returns a function that gives credentials, or rejects with a {@link CredentialHelperError} for what went wrong in
 * the token, on the wire or at the service
 * @throws {@link CredentialHelperError} at once, for options that are wrong, files that cannot be read, and a key that
 * does not belong to the certificate
 */
export function fromIotCore(init: FromIotCoreInit): IotCoreCredentialProvider {
  return createSource(checkOptions(init)).credentials;
}
