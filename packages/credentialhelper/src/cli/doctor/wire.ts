import type { Endpoint } from '../../options/endpoint.ts';
import type { Settings } from '../../options/options.ts';
import type { WireFailure } from '../../tls/wire-error.ts';
import { describeEndpoint } from './commands.ts';
import type { Finding } from './finding.ts';

/** How the endpoint is reached. */
export interface Route extends Pick<Settings, 'ca' | 'proxy' | 'verifyPeer' | 'timeoutMs'> {
  readonly endpoint: Endpoint;
}

/** What the steps of the network found. */
export interface NetworkResult {
  /** Whether nothing speaks against a request. */
  readonly works: boolean;
  /** How far this device's clock is ahead of the server's, in milliseconds, if the server said its time. */
  readonly skewMs: number | undefined;
}

/** The finding for a failure of the network. */
export function failedOnWire(
  step: Finding['step'],
  { code, what, hint }: WireFailure,
  { host }: Pick<Endpoint, 'host'>,
): Finding {
  const isName = code === 'ERR_DNS' || code === 'ERR_SERVER_NAME_MISMATCH';
  const [, region] = /\.iot(?:-fips)?\.([a-z0-9-]+)\./.exec(host) ?? [];
  return {
    step,
    status: 'failed',
    seen: what,
    code,
    remedy: { what: hint ?? '', commands: isName ? [describeEndpoint(region)] : [] },
  };
}
