import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Script } from 'node:vm';

/** SHA-256, in bytes. */
const DIGEST_LENGTH = 32;

/** Of the function for a file (Node.js documentation, "The module wrapper"). */
const PARAMETERS = 'exports, require, module, __filename, __dirname';

/** A file of the program that was loaded. */
interface Loaded {
  readonly module: { readonly exports: unknown };
  readonly script: Script;
  readonly source: Uint8Array;
  /** The file with its code in the cache folder. */
  readonly entry: string;
}

/** What V8 compiled of a file, for the cache. */
export interface CompiledFile {
  /** The path of its file in the cache. */
  readonly entry: string;
  readonly content: Uint8Array;
}

/**
 * Loads the files of this program as Node.js would, with the code that V8 compiled in an earlier process: then it neither
 * parses them, nor compiles the functions that were called. (`module.enableCompileCache` of Node.js 22.1 stores a file
 * before its functions were called.)
 */
export class CompiledFiles {
  readonly #folder: string;
  readonly #require: NodeJS.Require;
  /** The beginning of the paths of entries; undefined: Node.js loads the files. */
  readonly #entries: string | undefined;
  readonly #loaded = new Map<string, Loaded>();

  /**
   * @param folder - the absolute path of the files, which are CommonJS
   * @param require - that of a file in it
   * @param cache - a folder of this user alone: what is in it is executed; undefined: Node.js loads the files
   */
  constructor(folder: string, require: NodeJS.Require, cache: string | undefined) {
    this.#folder = folder;
    this.#require = require;
    this.#entries = cache === undefined ? undefined : join(cache, `${prefixOf(folder)}-`);
  }

  /** What a file exports. */
  load(name: string): unknown {
    if (this.#entries === undefined) return this.#require(name);
    const loaded = this.#loaded.get(name) ?? this.#run(name, `${this.#entries}${name.slice(2)}`);
    return loaded.module.exports;
  }

  /** The files that were loaded without code, with what was compiled of them until now. */
  missing(): readonly CompiledFile[] {
    return [...this.#loaded.values()]
      .filter(({ script }) => script.cachedDataRejected !== false)
      .map(({ entry, source, script }) => {
        const code = script.createCachedData();
        return { entry, content: Buffer.concat([digestOf(source, code), code]) };
      });
  }

  #run(name: string, entry: string): Loaded {
    const { Script } = process.getBuiltinModule('node:vm');
    const filename = join(this.#folder, name);
    const source = readFileSync(filename);
    const cachedData = readCode(entry, source);
    const script = new Script(`(function (${PARAMETERS}) {${source}\n})`, { filename, cachedData });
    const module = { exports: {} };
    const loaded = { module, script, source, entry };
    // Before it runs: files load each other.
    this.#loaded.set(name, loaded);
    const require = (id: string) => (id.startsWith('./') ? this.load(id) : this.#require(id));
    script.runInThisContext()(module.exports, require, module, filename, this.#folder);
    return loaded;
  }
}

/** The code in a file of the cache, if it belongs to this source: V8 compares only its length, and crashes on damaged code. */
function readCode(entry: string, source: Uint8Array): Buffer | undefined {
  try {
    const content = readFileSync(entry);
    const code = content.subarray(DIGEST_LENGTH);
    const isIntact = digestOf(source, code).equals(content.subarray(0, DIGEST_LENGTH));
    return isIntact ? code : undefined;
  } catch {
    return undefined;
  }
}

/** What code depends on, besides its source: V8 has flags, which change what it compiles. */
function prefixOf(folder: string): string {
  const { NODE_OPTIONS = '' } = process.env;
  const { version, arch, execArgv } = process;
  const depends = JSON.stringify([folder, version, arch, execArgv, NODE_OPTIONS]);
  return digestOf(Buffer.from(depends)).toString('hex').slice(0, 16);
}

function digestOf(...parts: readonly Uint8Array[]): Buffer {
  const { createHash } = process.getBuiltinModule('node:crypto');
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
