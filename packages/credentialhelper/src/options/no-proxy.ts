/**
 * Whether a list of exceptions from a proxy contains a host, as curl, Go and the AWS CLI read `NO_PROXY`: names and IP
 * addresses, separated by commas or whitespace. A name includes its subdomains, with or without `.` or `*.` before it;
 * an entry with a port is for that port alone; `*` is all hosts.
 *
 * @param host - in lower case; an IPv6 address without brackets
 */
export function isWithoutProxy(
  list: string,
  { host, port }: { readonly host: string; readonly port: number },
): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true;
      const [, address, addressPort, named, namedPort] = WITH_PORT.exec(entry) ?? [];
      const name = (address ?? named ?? entry).replace(/^\*?\.|\.$/g, '');
      const onPort = addressPort ?? namedPort;
      if (name === '' || (onPort !== undefined && Number(onPort) !== port)) return false;
      return host === name || host.endsWith(`.${name}`);
    });
}

/** An IPv6 address in brackets, or a name with a port. One with several colons is an IPv6 address without a port. */
const WITH_PORT = /^\[(.*)\](?::(\d+))?$|^([^:]*):(\d+)$/;
