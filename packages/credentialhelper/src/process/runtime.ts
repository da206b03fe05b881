import { basename } from 'node:path';

/** Names of the Node.js executable: `node`, Debian's `nodejs`, `node-22`, `node.exe`, and the debug build `node_g`. */
const NODE = /^node(?:js|_g)?(?:[-_]?v?\d[\d.]*)?(?:\.exe)?$/i;

/** The kind of executable of this process if it is not plain Node.js; undefined if it is. */
export function applicationKind(): string | undefined {
  const other = otherRuntime();
  if (other !== undefined) return other;
  if (isSingleExecutable()) return 'a single executable application';
  const isNode = NODE.test(basename(process.execPath)) && !('pkg' in process);
  return isNode ? undefined : 'an application with Node.js built in';
}

/** Runtimes with Node.js APIs but another TLS implementation. */
const OTHERS = ['Electron', 'Bun', 'Deno'] as const;

/** The runtime of this process if it is not Node.js; its TLS cannot use a key in a token. */
export function otherRuntime(): (typeof OTHERS)[number] | undefined {
  return OTHERS.find((name) => process.versions[name.toLowerCase()] !== undefined);
}

/** Whether this process is a single executable application (Node.js documentation of that name). */
export function isSingleExecutable(): boolean {
  const sea = process.getBuiltinModule('node:sea') as { isSea?(): boolean } | undefined;
  return sea?.isSea?.() === true;
}
