import type { AddressInfo } from 'node:net';
import { containerContract } from '../../server/container.ts';
import type { Served } from '../../server/contract.ts';
import { createGuard } from '../../server/guard.ts';
import { createLocalServer } from '../../server/local-server.ts';
import { randomToken } from '../../server/token.ts';

/** An endpoint for credentials on this machine, as containers in Amazon ECS have it. */
export interface ContainerEndpoint {
  /** The value of `AWS_CONTAINER_CREDENTIALS_FULL_URI`. */
  readonly uri: string;
  /** The value of `AWS_CONTAINER_AUTHORIZATION_TOKEN`. */
  readonly token: string;
  /** Closes it and its connections. */
  close(): void;
}

const HOST = '127.0.0.1';

/** The path of the credentials of a single thing. */
export const CREDENTIALS_PATH = '/credentials';

/** Starts an endpoint on a random port of the loopback interface, with a random token. */
export async function startContainerEndpoint(served: Served): Promise<ContainerEndpoint> {
  const token = randomToken();
  const contract = containerContract([{ path: CREDENTIALS_PATH, token, served }]);
  const server = createLocalServer({ guard: createGuard([]), contract: () => contract });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    uri: `http://${HOST}:${port}${CREDENTIALS_PATH}`,
    token,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
