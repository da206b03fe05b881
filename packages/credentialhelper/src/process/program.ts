import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CredentialHelperError } from '../errors.ts';
import { applicationKind, otherRuntime } from './runtime.ts';

/** What to start instead of what is found: the option `isolate` of a session. */
export interface ChildOptions {
  /** Path of the Node.js that runs the child process. Default: the one that runs this process. */
  readonly node?: string | undefined;
  /**
   * Path of the program of the child process, for those who copy it: a copy of `dist/token-request-child.js`, under any
   * name, where koffi is found in a `node_modules` of its folder or of one above. Default: the file in this package.
   */
  readonly program?: string | undefined;
}

/** Says, in the environment of a process, that it is a child process of this package. */
const CHILD_MARK = 'AWSIOT_CREDENTIALHELPER_CHILD';

const NAME_IT = 'name a Node.js 20 or later: "pkcs11.isolate": { "node": PATH }';
const OR_DO_WITHOUT = 'or pass "pkcs11.isolate": false to use the token in this process';

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
      'this process was started as a child process of this package, but is the application',
      { code: 'ERR_CHILD_PROGRAM', hint: `${NAME_IT}; ${OR_DO_WITHOUT}` },
    );
  }
  if (node !== undefined) return node;
  const application = applicationKind();
  if (application === undefined) return process.execPath;
  throw new CredentialHelperError(
    `a key in a token is used in a child process, and no Node.js is known to run it: ${process.execPath} is ${application}`,
    {
      code: 'ERR_CHILD_PROGRAM',
      hint: otherRuntime() === undefined ? `${NAME_IT}; ${OR_DO_WITHOUT}` : NAME_IT,
    },
  );
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
      hint: 'in a bundle, leave this package out (as external), name a copy of its file dist/token-request-child.js, which needs koffi in a node_modules beside it, with "pkcs11.isolate": { "program": PATH }, or pass "pkcs11.isolate": false',
    },
  );
}

/**
 * Flags that change what is trusted, how the network is used, what is loaded, or what a process may do. Others, such as
 * `--inspect`, `--watch`, `--test` and `--eval`, would keep the child from its work.
 */
const INHERITED = new RegExp(
  `^(?:-r|-C|--(?:no-)?(?:${[
    'use-(?:system|openssl|bundled)-ca|use-env-proxy|(?:enable|force)-fips|openssl-.*|tls-.*|secure-heap.*',
    '(?:enable-)?network-family-autoselection.*|dns-result-order|max-http-header-size|insecure-http-parser',
    'require|import|loader|experimental-loader|conditions|preserve-symlinks.*|icu-data-dir|addons',
    '(?:experimental-)?permission(?:-audit)?|allow-.*|warnings|deprecation|disable-warning',
    'experimental-(?:default-)?config-file',
  ].join('|')}))$`,
);

/** The flags of this process that its child processes get too: none where they are of another runtime than Node.js. */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  if (otherRuntime() !== undefined) return [];
  return chooseFlags(flags, (name) => INHERITED.test(name));
}

/**
 * Chooses flags by their names, with the values that follow as arguments of their own: Node.js takes none that begins
 * with a dash.
 */
function chooseFlags(parts: readonly string[], isChosen: (name: string) => boolean): string[] {
  let isIn = false;
  return parts.filter((part) => {
    const text = part.replaceAll('"', '');
    if (text.startsWith('-')) isIn = isChosen(text.replace(/=.*$/s, '').replaceAll('_', '-'));
    return isIn;
  });
}

/** Flags that would keep a child process from its work, in `NODE_OPTIONS`. */
const STOPPING =
  /^--(?:inspect|watch|test|experimental-test|(?:build-)?snapshot|input-type|experimental-default-type)/;

/** A part of `NODE_OPTIONS`: spaces separate them, but not within quotes. */
const PART = /(?:[^ "]|"(?:\\.|[^"\\])*"?)+/gs;

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
  const options = environment.NODE_OPTIONS?.match(PART) ?? [];
  const chosen = chooseFlags(options, (name) => !STOPPING.test(name)).join(' ');
  if (chosen === '') delete environment.NODE_OPTIONS;
  else environment.NODE_OPTIONS = chosen;
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
