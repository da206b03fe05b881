import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import type { Contract, Served } from '../../src/server/contract.ts';
import { createGuard } from '../../src/server/guard.ts';
import { createLocalServer } from '../../src/server/local-server.ts';

/** Starts a server with a contract on a free port, until the tests end. */
export async function serveContract(
  contract: Contract,
): Promise<{ readonly base: string; readonly port: number; readonly server: Server }> {
  const server = createLocalServer({ guard: createGuard([]), contract: () => contract });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { base: `http://127.0.0.1:${port}`, port, server };
}

/** A source of credentials that a test sets. */
export interface FakeServed extends Served {
  credentials: ReturnType<Served['current']>;
  error: unknown;
}

/** Creates a source with credentials that are valid for an hour. */
export function fakeServed(): FakeServed {
  return {
    credentials: {
      accessKeyId: 'ASIAEXAMPLE',
      secretAccessKey: 'secret',
      sessionToken: 'session',
      expiration: new Date(Date.now() + 3_600_000),
    },
    error: undefined,
    current() {
      return this.credentials;
    },
    failure() {
      return this.error;
    },
  };
}
