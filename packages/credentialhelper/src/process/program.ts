import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CredentialHelperError } from '../errors.ts';

/** What to start instead of what is found: the option `isolate` of a session. */
export interface ChildOptions {
  /** Path of the Node.js that runs the child process. Default: the one that runs this process. */
  readonly node?: string | undefined;
  /** Path of the program of the child process, for those who copy it. Default: the file in this package. */
  readonly program?: string | undefined;
}

/** Says, in the environment of a process, that it is a child process of this package. */
const CHILD_MARK = 'AWSIOT_CREDENTIALHELPER_CHILD';

const NAME_IT =
  'name a Node.js 20 or later: "isolate": { "node": PATH }; or pass "isolate": false to use the token in this process';

/**
 * The Node.js that is to run a child process. The program of this process is not always one: an application that has
 * Node.js built in would be started once more.
 *
 * @throws {@link CredentialHelperError} `ERR_CHILD_PROGRAM`
 */
export function findNode({ node }: ChildOptions): string {
  // biome-ignore lint/style/noProcessEnv: what started this process as a child process of this package says so there
  if (process.env[CHILD_MARK] !== undefined) {
    throw new CredentialHelperError(
      'this process was started as a child process of this package, and is the application',
      { code: 'ERR_CHILD_PROGRAM', hint: NAME_IT },
    );
  }
  if (node !== undefined) return node;
  const application = builtInto();
  if (application === undefined) return process.execPath;
  throw new CredentialHelperError(
    `a key in a token is used in a child process, and no Node.js is known to run it: ${process.execPath} is ${application}`,
    { code: 'ERR_CHILD_PROGRAM', hint: NAME_IT },
  );
}

/** What the program of this process is where it is no plain Node.js. */
function builtInto(): string | undefined {
  const { electron, bun, deno } = process.versions;
  if (electron !== undefined) return 'Electron';
  if (bun !== undefined) return 'Bun';
  if (deno !== undefined) return 'Deno';
  const sea = process.getBuiltinModule('node:sea') as { isSea?(): boolean } | undefined;
  if (sea?.isSea?.() === true) return 'a single executable application';
  const isNode = /^node/i.test(basename(process.execPath)) && !('pkg' in process);
  return isNode ? undefined : 'an application with Node.js built in';
}

/**
 * The program of a child process.
 *
 * @param own - gives where it is in this package
 * @throws {@link CredentialHelperError} `ERR_CHILD_PROGRAM` where it is missing
 */
export function findProgram({ program }: ChildOptions, own: () => URL): string {
  let path = program;
  try {
    path ??= fileURLToPath(own());
    if (existsSync(path)) return path;
  } catch {
    // In a bundle that is CommonJS there is no URL.
  }
  throw new CredentialHelperError(
    `the program of the child process that is to use the token is missing${path === undefined ? '' : `: ${path}`}`,
    {
      code: 'ERR_CHILD_PROGRAM',
      hint: 'in a bundle, leave this package out (as external), name a copy of its file dist/token-request-child.js with "isolate": { "program": PATH }, or pass "isolate": false',
    },
  );
}

/** Flags that take their value as an argument of its own where no `=` follows. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  ...['--require', '-r', '--import', '--loader', '--experimental-loader', '--conditions', '-C'],
  ...['--dns-result-order', '--network-family-autoselection-attempt-timeout', '--openssl-config'],
  ...['--icu-data-dir', '--disable-warning', '--max-http-header-size', '--tls-cipher-list'],
  ...['--tls-keylog', '--secure-heap', '--secure-heap-min', '--env-file'],
]);

/**
 * Flags that change what is trusted, how the network is used, what is loaded, or what a process may do. Others, such as
 * `--inspect`, `--watch`, `--test` and `--eval`, would keep the child from its work.
 */
const INHERITED = new RegExp(
  `^(?:-r|-C|--(?:no-)?(?:${[
    'use-(?:system|openssl|bundled)-ca|use-env-proxy|(?:enable|force)-fips|openssl-.*|tls-.*|secure-heap.*',
    '(?:enable-)?network-family-autoselection.*|dns-result-order|max-http-header-size|insecure-http-parser',
    'require|import|loader|experimental-loader|conditions|preserve-symlinks.*|icu-data-dir|addons',
    '(?:experimental-)?permission|allow-.*|warnings|deprecation|disable-warning',
  ].join('|')}))$`,
);

/** The flags of this process that its child processes get too. */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  const inherited: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] ?? '';
    const name = flag.replace(/=.*$/s, '').replaceAll('_', '-');
    const takesNext = flag === name && WITH_VALUE.has(name);
    if (INHERITED.test(name)) inherited.push(flag, ...(takesNext ? flags.slice(i + 1, i + 2) : []));
    if (takesNext) i++;
  }
  return inherited;
}

/** Flags that would keep a child process from its work, in `NODE_OPTIONS`. */
const STOPPING = /(^|\s)--(inspect|watch|test)[\w-]*(=\S*)?(?=\s|$)/g;

/**
 * The environment of a child process: that of this process, without what makes Node.js itself talk over the channel or
 * wait for a debugger.
 *
 * @param hidden - a variable that it must not see, because a PIN is in it
 */
export function childEnvironment(hidden: string | undefined): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: PKCS#11 libraries find their configuration by environment variables
  const environment: NodeJS.ProcessEnv = { ...process.env, [CHILD_MARK]: '1' };
  delete environment.WATCH_REPORT_DEPENDENCIES;
  const options = environment.NODE_OPTIONS?.replace(STOPPING, '');
  if (options !== undefined) environment.NODE_OPTIONS = options;
  if (hidden !== undefined) delete environment[hidden];
  return environment;
}

/** The folder in which a child process starts; undefined: that of this process, unless it was deleted. */
export function childFolder(): string | undefined {
  try {
    process.cwd();
    return undefined;
  } catch {
    return '/';
  }
}
