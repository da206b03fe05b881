/** Available in `node:tls` since Node.js 22.19 and 24.5. */
interface DefaultCa {
  getCACertificates?(type: 'default' | 'bundled' | 'extra'): readonly string[];
  setDefaultCACertificates?(certificates: readonly string[]): void;
}

/**
 * The CA certificates set with `tls.setDefaultCACertificates()`, as PEM. A child process gets those of flags and
 * environment by itself: undefined if there are no others.
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
  // With --use-openssl-ca, the certificates of OpenSSL's own store are not included.
  const isUsual = [[...getCACertificates('bundled'), ...extra], extra].some((usual) => {
    const known = new Set(usual);
    return trusted.length === known.size && trusted.every((one) => known.has(one));
  });
  return isUsual ? undefined : trusted.join('\n');
}
