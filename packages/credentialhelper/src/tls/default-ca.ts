/** What `node:tls` has from Node.js 22.19 and 24.5 on. */
interface DefaultCa {
  getCACertificates?(type: 'default' | 'bundled' | 'extra'): readonly string[];
  setDefaultCACertificates?(certificates: readonly string[]): void;
}

/**
 * The CA certificates that this process was given with `tls.setDefaultCACertificates()`, as PEM. What flags and
 * environment say, a child process knows by itself: undefined where there is no more to it.
 */
export function defaultCaOfThisProcess(): string | undefined {
  try {
    return changedDefaultCa();
  } catch {
    // Deno does not show them without --allow-sys.
    return undefined;
  }
}

function changedDefaultCa(): string | undefined {
  const tls = process.getBuiltinModule('node:tls') as DefaultCa;
  const { getCACertificates } = tls;
  if (getCACertificates === undefined || tls.setDefaultCACertificates === undefined)
    return undefined;
  const trusted = getCACertificates('default');
  const extra = getCACertificates('extra');
  // With --use-openssl-ca, what OpenSSL finds by itself is not among them.
  const isUsual = [[...getCACertificates('bundled'), ...extra], extra].some((usual) => {
    const known = new Set(usual);
    return trusted.length === known.size && trusted.every((one) => known.has(one));
  });
  return isUsual ? undefined : trusted.join('\n');
}
