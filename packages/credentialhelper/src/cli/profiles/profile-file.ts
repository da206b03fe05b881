import { lstatSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CredentialHelperError } from '../../errors.ts';
import { makeFolder } from '../../pins/folders.ts';
import { parseProfiles } from '../../settings/parse-profiles.ts';
import { lockFile } from '../lock-file.ts';
import { replaceFile } from '../replace-file.ts';
import { UsageError } from '../usage-error.ts';
import { changeSection } from './section.ts';

/** The keys of a profile. */
export type Profile = Readonly<Record<string, string | undefined>>;

/** Which of the two files of the AWS SDKs. */
type Kind = 'config' | 'credentials';

/** The names of profiles that all AWS SDKs can read. */
const NAME = /^(?!__proto__$)[\w@+.%:/-]{1,128}$/;

/** How long to wait for another process that writes the file, in milliseconds. */
const LOCK_MS = 30_000;

/** The number of times to begin again if another program writes the file meanwhile. */
const TRIES = 5;

/** A file with profiles of the AWS SDKs: `~/.aws/config` or `~/.aws/credentials`. */
export class ProfileFile {
  /** Its path. */
  readonly path: string;
  readonly #kind: Kind;

  constructor(kind: Kind, path: string) {
    this.#kind = kind;
    this.path = resolve(path);
  }

  /** The file of an environment: AWS SDKs and Tools Reference Guide, "Location of the shared config and credentials files". */
  static of(kind: Kind, environment: NodeJS.ProcessEnv): ProfileFile {
    const variable = kind === 'config' ? 'AWS_CONFIG_FILE' : 'AWS_SHARED_CREDENTIALS_FILE';
    const path = environment[variable] || join('~', '.aws', kind);
    return new ProfileFile(
      kind,
      path.replace(/^~(?=[/\\])/, () => homedir()),
    );
  }

  /**
   * Checks that the file can hold a profile of this name.
   *
   * @throws {@link UsageError} if not all AWS SDKs can read the name, and for a device or a folder
   */
  check(name: string): void {
    if (!NAME.test(name)) {
      throw new UsageError('the name of the profile is not one that all AWS SDKs can read', {
        hint: 'pass 1 to 128 letters, digits, and - _ @ + . % : /',
      });
    }
    // A device would be replaced by a file.
    if (isNoFile(this.path)) {
      throw new UsageError(`${this.path} is not a regular file, and holds no profiles`, {
        hint: 'name a file in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE',
      });
    }
  }

  /** All profiles; none if it does not exist, or is not a file. */
  async read(): Promise<Readonly<Record<string, Profile>>> {
    return this.#explained('read', async () =>
      this.#parse(isNoFile(this.path) ? undefined : readIfExists(this.path)),
    );
  }

  /**
   * The change of a profile.
   *
   * @param values - values by key; undefined removes a key
   * @returns the content of the file before and after it
   */
  change(name: string, values: ReadonlyMap<string, string | undefined>): Change {
    const before = readIfExists(this.path);
    const text = before?.toString('latin1') ?? '';
    return {
      before,
      after: Buffer.from(changeSection(text, { headers: this.#headersOf(name), values }), 'latin1'),
    };
  }

  /**
   * Writes keys of a profile, and changes nothing else in the file. It is replaced at once, so that readers never see half of
   * it; mode, owner and links stay. A new file is for this user alone.
   *
   * @param plan - called with the present profile, under the lock: the values to write
   * @returns whether something was changed
   * @throws {@link CredentialHelperError} or {@link UsageError} (as a rejection) if the file cannot be read or written, or if
   * the SDK's own loader reads something else than it should afterwards; and errors of `plan`. Then the file is unchanged.
   */
  async write(
    name: string,
    plan: (present: Profile) => ReadonlyMap<string, string | undefined>,
  ): Promise<boolean> {
    return this.#explained('write', async () => {
      this.check(name);
      const file = targetOf(this.path);
      makeFolder(dirname(file));
      const lock = await lockFile(join(dirname(file), `.${basename(file)}.lock`), LOCK_MS);
      if (lock.isLate) throw new Error(`another process has been writing it for ${LOCK_MS} ms`);
      try {
        for (let tries = 1; ; tries++) {
          try {
            return await this.#writeOnce(file, name, plan, lock.isHeld);
          } catch (error) {
            if (error !== CHANGED || tries >= TRIES) throw error;
          }
        }
      } finally {
        lock.release();
      }
    });
  }

  async #writeOnce(
    file: string,
    name: string,
    plan: (present: Profile) => ReadonlyMap<string, string | undefined>,
    isLocked: boolean,
  ): Promise<boolean> {
    const stats = statSync(file, { throwIfNoEntry: false });
    const profiles = await this.read();
    const values = plan(profiles[name] ?? {});
    const { before, after } = this.change(name, values);
    if (before?.equals(after) === true) {
      // It may be in a section that the SDKs do not read.
      this.#check(name, values, profiles, profiles);
      return false;
    }
    await replaceFile(file, after, {
      like: stats,
      isLocked,
      check: async (temporary) => {
        this.#check(name, values, profiles, await this.#parse(readFileSync(temporary)));
        if (!isSame(stats, statSync(file, { throwIfNoEntry: false }))) throw CHANGED;
      },
    });
    return true;
  }

  /** The SDKs prefer `[profile default]` to `[default]`, and write the second. */
  #headersOf(name: string): readonly string[] {
    if (this.#kind === 'credentials') return [name];
    return name === 'default' ? ['profile default', 'default'] : [`profile ${name}`];
  }

  async #parse(content: Buffer = Buffer.of()): Promise<Readonly<Record<string, Profile>>> {
    const { configFile, credentialsFile } = await parseProfiles(content.toString());
    return this.#kind === 'config' ? configFile : credentialsFile;
  }

  #check(
    name: string,
    values: ReadonlyMap<string, string | undefined>,
    before: Readonly<Record<string, Profile>>,
    after: Readonly<Record<string, Profile>>,
  ): void {
    const { [name]: present = {}, ...others } = before;
    const { [name]: changed = {}, ...othersAfter } = after;
    const bad = [...values].find(([key, value]) => changed[key] !== value)?.[0];
    if (bad !== undefined) {
      throw new UsageError(
        `the AWS SDKs would not read ${bad} of profile "${name}" in ${this.path} as it is`,
        {
          hint: 'its value may have a line break, or # or ; after a space, or the profile may occur twice or have a value of several lines',
        },
      );
    }
    const unchanged = (profile: Profile) =>
      Object.fromEntries(Object.entries(profile).filter(([key]) => !values.has(key)));
    if (
      isDeepStrictEqual({ ...others }, { ...othersAfter }) &&
      isDeepStrictEqual(unchanged(present), unchanged(changed))
    ) {
      return;
    }
    throw new UsageError(
      `${this.path} cannot be changed without a change of something else in it`,
      {
        hint: 'does it have lines that are not in the format of the AWS SDKs?',
      },
    );
  }

  async #explained<T>(verb: 'read' | 'write', use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (cause) {
      if (cause instanceof UsageError || cause instanceof CredentialHelperError) throw cause;
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new Error(`cannot ${verb} ${this.path}: ${REASONS[code ?? ''] ?? code ?? message}`, {
        cause,
      });
    }
  }
}

/** Whether it is something else than a file, such as /dev/null, which scripts name for a file without profiles. */
function isNoFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
  } catch {
    // The attempt to read it has the reason.
    return false;
  }
}

/** The content of a file before and after a change. */
export interface Change {
  readonly before: Buffer | undefined;
  readonly after: Buffer;
}

const CHANGED = new Error('another program writes it again and again');

function isSame(one: Stats | undefined, other: Stats | undefined): boolean {
  return one?.ino === other?.ino && one?.mtimeMs === other?.mtimeMs && one?.size === other?.size;
}

function readIfExists(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file itself, if the path is a link: a link to a file that does not exist yet is followed, too. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() !== true) return path;
    return targetOf(resolve(dirname(path), readlinkSync(path)));
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is exhausted',
  EFBIG: 'the file is too large',
  EISDIR: 'it is a folder',
  ELOOP: 'too many levels of symbolic links',
  ENOSPC: 'the disk is full',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
};
