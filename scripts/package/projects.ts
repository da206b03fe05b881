// The packed packages, and projects to install them in.
import { execFile } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];

/** Runs an npm command in a folder; returns its output. */
async function npm(folder: string, ...args: readonly string[]): Promise<string> {
  // On Windows npm is a script, which requires a shell.
  const { NPM_EXTRA_CA_CERTS, NODE_EXTRA_CA_CERTS } = process.env;
  const options = {
    cwd: folder,
    shell: process.platform === 'win32',
    maxBuffer: 2 ** 24,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: NPM_EXTRA_CA_CERTS ?? NODE_EXTRA_CA_CERTS },
  };
  const { stdout } = await promisify(execFile)('npm', ['--loglevel=error', ...args], options);
  return stdout;
}

/** A packed package. */
export interface Packed {
  /** The path of the tarball. */
  readonly file: string;
  /** Bytes of the tarball. */
  readonly size: number;
  /** Bytes of the files in it. */
  readonly unpackedSize: number;
  /** The files in it. */
  readonly files: readonly string[];
}

/** A folder for packed packages and projects, deleted when the process exits. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-packed-'));

  constructor() {
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Packs the package in a folder of this repository. */
  async pack(name: 'credentialhelper' | 'emulator'): Promise<Packed> {
    const workspace = ['--workspace', `packages/${name}`];
    const to = ['--pack-destination', this.folder];
    const [packed] = Object.values(
      JSON.parse(await npm(root, 'pack', '--json', ...workspace, ...to)),
    ) as [{ filename: string; size: number; unpackedSize: number; files: { path: string }[] }];
    const { filename, size, unpackedSize, files } = packed;
    return {
      file: join(this.folder, filename),
      size,
      unpackedSize,
      files: files.map(({ path }) => path),
    };
  }

  /** Creates an empty project, and installs packages in it without running their scripts; returns its folder. */
  async install(name: string, packages: readonly string[], ...flags: string[]): Promise<string> {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    await npm(folder, 'install', ...QUIET, ...flags, ...packages);
    return folder;
  }

  /** Installs a package as a program, under a prefix of its own; returns the prefix. */
  async installGlobally(name: string, file: string): Promise<string> {
    const prefix = join(this.folder, name);
    // npm does not create it.
    mkdirSync(join(prefix, 'lib'), { recursive: true });
    await npm(prefix, 'install', ...QUIET, '--omit=optional', '--global', '--prefix', prefix, file);
    return prefix;
  }
}

/** The bytes of all files in a folder. */
export function bytesIn(folder: string): number {
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) =>
    entry.isFile() ? lstatSync(join(entry.parentPath, entry.name)).size : 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
