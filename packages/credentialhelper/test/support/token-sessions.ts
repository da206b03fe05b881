import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSession, type Pkcs11Options } from 'awsiot-credentialhelper';
import { expect } from 'vitest';
import type { KeyType } from './openssl.ts';
import { credentials, json, type RawServer, startRawServer } from './raw-server.ts';

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** A way to use a key in a token. */
export interface SessionRow {
  readonly keyType: KeyType;
  /** The only TLS version that the server supports. */
  readonly version: (typeof TLS_VERSIONS)[number];
  readonly isolate: boolean;
}

/** Every way to use keys of these types: over TLS 1.2 and 1.3, in a child process and in this process. */
export function sessionRows(keyTypes: readonly KeyType[]): readonly SessionRow[] {
  return keyTypes.flatMap((keyType) =>
    TLS_VERSIONS.flatMap((version) =>
      [true, false].map((isolate) => ({ keyType, version, isolate })),
    ),
  );
}

/** Opens a session, gets credentials, and checks that the server saw the TLS version and the certificate. */
export type Connect = (
  row: Omit<SessionRow, 'keyType'>,
  certificateFile: string,
  pkcs11: Pkcs11Options,
) => Promise<void>;

/** Starts a server for each TLS version. They stop after the tests. */
export async function startTlsServers(folder: string): Promise<Connect> {
  const servers = new Map<string, RawServer>();
  for (const version of TLS_VERSIONS) {
    const server = await startRawServer(folder, { minVersion: version, maxVersion: version });
    server.behave = (socket) =>
      json({
        credentials: {
          ...credentials,
          accessKeyId: socket.getProtocol(),
          sessionToken: socket.getPeerCertificate().fingerprint256,
        },
      })(socket);
    servers.set(version, server);
  }
  return async ({ version, isolate }, certificateFile, pkcs11) => {
    const server = servers.get(version);
    const session = createSession({
      endpoint: server?.endpoint ?? '',
      region: 'eu-west-1',
      roleAlias: 'the-alias',
      maxWaitMs: 0,
      certificate: certificateFile,
      ca: server?.caFile,
      pkcs11: { ...pkcs11, isolate },
    });
    expect(await session.credentials()).toMatchObject({
      accessKeyId: version,
      sessionToken: new X509Certificate(readFileSync(certificateFile)).fingerprint256,
    });
  };
}
