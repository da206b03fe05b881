import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CredentialHelperError } from '../errors.ts';
import { applicationKind, otherRuntime } from './runtime.ts';

/** The program of the child process: the option `isolate` of a session. */
export interface ChildOptions {
  /** Path of the Node.js executable for the child process. Default: that of this process. */
  readonly node?: string | undefined;
  /**
   * Path of the program of the child process: a copy of `dist/token-request-child.js`, under any name, with koffi in
   * a `node_modules` of its folder or of a parent folder. Default: the file in this package.
   */
  readonly program?: string | undefined;
}

/** Marks, in the environment of a process, that it is a child process of this package. */
const CHILD_MARK = 'AWSIOT_CREDENTIALHELPER_CHILD';

const NAME_IT = 'name a Node.js 20 or later: "pkcs11.isolate": { "node": PATH }';
const OR_DO_WITHOUT = 'or pass "pkcs11.isolate": false to use the token in this process';

/**
 * The Node.js executable for a child process. That of this process is not always Node.js: an application with Node.js
 * built in would be started again.
 *
 * @throws {@link CredentialHelperError} `ERR_CHILD_PROGRAM`
 */
export function findNode({ node }: ChildOptions): string {
  // biome-ignore lint/style/noProcessEnv: a parent process of this package marks its children there
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
 * @param own - returns its path in this package
 * @throws {@link CredentialHelperError} `ERR_CHILD_PROGRAM` if it is missing
 */
export function findProgram({ program }: ChildOptions, own: () => URL): string {
  let path = program;
  try {
    path ??= fileURLToPath(own());
    if (existsSync(path)) return path;
  } catch {
    // A CommonJS bundle has no URL.
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
 * Flags for trust, network, module loading and permissions. Others, such as `--inspect`, `--watch`, `--test` and
 * `--eval`, would prevent the child from working.
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

/** The flags of this process for its child processes; none in a runtime other than Node.js. */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  if (otherRuntime() !== undefined) return [];
  return chooseFlags(flags, (name) => INHERITED.test(name));
}

/**
 * Selects flags by name, with values in separate arguments: Node.js accepts no value that begins with a
 * dash.
 */
function chooseFlags(parts: readonly string[], isChosen: (name: string) => boolean): string[] {
  let isIn = false;
  return parts.filter((part) => {
    const text = part.replaceAll('"', '');
    if (text.startsWith('-')) isIn = isChosen(text.replace(/=.*$/s, '').replaceAll('_', '-'));
    return isIn;
  });
}

/** Flags in `NODE_OPTIONS` that would prevent a child process from working. */
const STOPPING =
  /^--(?:inspect|watch|test|experimental-test|(?:build-)?snapshot|input-type|experimental-default-type)/;

/** An argument in `NODE_OPTIONS`: separated by spaces outside of quotes. */
const PART = /(?:[^ "]|"(?:\\.|[^"\\])*"?)+/gs;

const hidden = new Set<string>();

/** Hides an environment variable with a PIN or passphrase from all future child processes. */
export function hideVariable(name: string): void {
  hidden.add(name);
}

/**
 * The environment of a child process: that of this process, without variables that hold a secret, and without those
 * that make Node.js use the IPC channel itself or wait for a debugger.
 */
export function childEnvironment(): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: PKCS#11 libraries are configured with environment variables
  const environment: NodeJS.ProcessEnv = { ...process.env, [CHILD_MARK]: '1' };
  delete environment.WATCH_REPORT_DEPENDENCIES;
  const options = environment.NODE_OPTIONS?.match(PART) ?? [];
  const chosen = chooseFlags(options, (name) => !STOPPING.test(name)).join(' ');
  if (chosen === '') delete environment.NODE_OPTIONS;
  else environment.NODE_OPTIONS = chosen;
  for (const name of hidden) delete environment[name];
  return environment;
}

/**
 * Variables with secrets of this package, whether this process uses them or not; a private key may also be the path of a
 * file.
 */
const SECRETS = ['AWS_IOT_PKCS11_PIN', 'AWS_IOT_PASSPHRASE', 'AWS_IOT_SERVE_TOKEN'];
const SECRET_OR_PATH = 'AWS_IOT_PRIVATE_KEY';

function isSecret(name: string, value: string | undefined): boolean {
  if (name === SECRET_OR_PATH) return value !== undefined && !existsSync(value);
  return hidden.has(name) || SECRETS.includes(name);
}

/** The environment of another program: that of this process, without variables that hold a secret of this package. */
export function environmentOfOthers(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    // biome-ignore lint/style/noProcessEnv: programs are configured with environment variables
    Object.entries(process.env).filter(
      ([name, value]) => name !== CHILD_MARK && !isSecret(name, value),
    ),
  );
}

/** The working folder of a child process; undefined: that of this process, unless it was deleted. */
export function childFolder(): string | undefined {
  try {
    process.cwd();
    return undefined;
  } catch {
    return '/';
  }
}
