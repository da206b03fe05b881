import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type OutgoingHttpHeaders, request } from 'node:http';
import { expect } from 'vitest';
import { MAIN } from './cli.ts';
import { findSecret } from './secrets.ts';

/** A running `serve`. */
export interface Serving {
  readonly child: ChildProcess;
  /** What it prints for clients: variables by name; of the last of many things. */
  readonly variables: Readonly<Record<string, string>>;
  /** The beginning of its URLs, such as `http://127.0.0.1:1234`. */
  readonly base: string;
  /** The token of a single thing. */
  readonly token: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits until stderr has a text. */
  said(text: string): Promise<void>;
  /** Sends SIGTERM, and returns the exit status. */
  stop(): Promise<number | NodeJS.Signals | null>;
}

/** How a server is started in place of `node main.js`. */
interface StartOptions {
  /** A program that starts the command line, with its arguments. */
  readonly through?: readonly string[];
}

/** Starts `serve`, and waits until it listens. */
export async function startServe(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { through = [] }: StartOptions = {},
): Promise<Serving> {
  const [file = '', ...rest] = [...through, process.execPath, MAIN, 'serve', ...args];
  const child = spawn(file, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (status, signal) => resolve(status ?? signal));
  });
  // What it prints comes once it listens.
  await until(() => stdout !== '' || child.exitCode !== null);
  const variables = Object.fromEntries(
    [...stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const file0 = variables.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  return {
    child,
    variables,
    base: /http:\/\/[^/\s]+/.exec(stdout)?.[0] ?? '',
    token: file0 === undefined ? '' : readFileSync(file0, 'utf8'),
    stdout: () => stdout,
    stderr: () => stderr,
    said: (text) => until(() => stderr.includes(text)),
    async stop() {
      child.kill('SIGTERM');
      const status = await exited;
      expect(findSecret(stdout + stderr), 'a secret in what serve printed').toBeUndefined();
      return status;
    },
  };
}

/** Waits until a condition holds. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  for (const endMs = Date.now() + limitMs; !(await isTrue()); ) {
    if (Date.now() > endMs) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A response. */
export interface Response {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Sends a request. */
export function send(
  url: string,
  headers: OutgoingHttpHeaders = {},
  options: { readonly method?: string; readonly socketPath?: string } = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, headers, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on('error', reject).end();
  });
}
