import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { headerOf } from './headers.ts';

/**
 * Header fields that browsers and proxies add. `fetch` of Node.js adds `Sec-Fetch-Mode`, too, but none of those that browsers
 * send with it.
 */
const FOREIGN = /^(?:origin|referer|sec-(?!fetch-mode$).*|forwarded|via|x-forwarded-.*)$/i;

/** The names of this machine's loopback interface in URLs. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Which requests a server admits. */
export interface Guard {
  /** Admits requests by another name or address of this server. */
  admit(host: string): void;
  /** Why a request is refused with 403; undefined if it is admitted. */
  readonly problem: (request: IncomingMessage) => string | undefined;
}

/**
 * Creates a guard that admits requests of programs to this server by one of its names. A browser names another host after DNS
 * rebinding, and adds fields to requests of web pages; a proxy adds fields to those it forwards.
 *
 * @param hosts - host names and addresses besides those of the loopback interface
 */
export function createGuard(hosts: readonly string[]): Guard {
  const admitted = new Set([...LOOPBACK_NAMES, ...hosts.map(hostInUrl)]);
  return {
    admit: (host) => void admitted.add(hostInUrl(host)),
    problem(request) {
      if (!admitted.has(withoutPort(headerOf(request, 'host') ?? ''))) {
        return 'the Host header names another host';
      }
      const foreign = request.rawHeaders.find((name, at) => at % 2 === 0 && FOREIGN.test(name));
      return foreign && `requests with the header ${foreign.toLowerCase()} are refused`;
    },
  };
}

const withoutPort = (host: string) => host.toLowerCase().replace(/:\d{1,5}$/, '');

/** A host name or address as it stands in a URL. */
export function hostInUrl(host: string): string {
  return isIPv6(host) ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

/** Whether this is the host of a URL, in the form that clients send, and nothing else of one. */
export function isHostName(text: string): boolean {
  const host = hostInUrl(text);
  const url = `http://${host}`;
  return URL.canParse(url) && new URL(url).hostname === host;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
