// Shared by the parts of tools.sh: projects with a tool, and rows that may fail.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { row } from '../device.mjs';

const LIMIT_MS = 120_000;

/** The output of a program that got credentials. */
export const OK = 'credentials';

/** A folder in which npm has installed tools. */
export class Project {
  constructor(folder) {
    this.folder = folder;
    this.resolve = createRequire(join(folder, 'package.json')).resolve;
  }

  path(name) {
    return join(this.folder, name);
  }

  write(name, text) {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  /** The module of a tool. */
  import(name) {
    return import(pathToFileURL(this.resolve(name)).href);
  }

  version(name) {
    return JSON.parse(readFileSync(this.path(`node_modules/${name}/package.json`), 'utf8')).version;
  }

  /** Runs a file with Node.js; returns its exit status and output. */
  run(file, args, env = {}) {
    return run(file, args, { cwd: this.folder, env: { ...process.env, ...env } });
  }
}

/** Runs a file with Node.js; returns its exit status and output. */
export async function run(file, args, options) {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], {
      ...options,
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    return { status: 0, printed: stdout.trim() };
  } catch ({ code, signal, stdout = '', stderr = '' }) {
    return { status: code ?? signal, printed: `${stdout}\n${stderr}`.trim() };
  }
}

/** Prints the header of a table. */
export function head(cells) {
  row(cells);
  row(cells.map(() => '---'));
}

/**
 * Prints a row of results, and fails for an unexpected one.
 *
 * @param outcomes - for each cell the result, the expected result, and details for a failure
 */
export function check(title, outcomes) {
  for (const { came, expected, details } of outcomes) {
    if (came === expected) continue;
    process.exitCode = 1;
    console.error(`${title.join(', ')}: expected ${expected}, got ${came}`, details ?? '');
  }
  row([...title, ...outcomes.map(({ came }) => (came.startsWith('ERR_') ? `\`${came}\`` : came))]);
}
