import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

const NAME = 'awsiot-credentialhelper';

/**
 * The folder for persistent state: systemd's `StateDirectory=` if the unit has one, else that of the XDG Base
 * Directory Specification; undefined for a user without a home folder.
 */
export function defaultStateFolder(): string | undefined {
  // biome-ignore lint/style/noProcessEnv: the two conventions for the state folder
  const { STATE_DIRECTORY, XDG_STATE_HOME } = process.env;
  // systemd.exec(5): several folders are separated by colons.
  const base = STATE_DIRECTORY?.split(':')[0] || XDG_STATE_HOME;
  if (base) return join(base, NAME);
  try {
    return join(homedir(), '.local', 'state', NAME);
  } catch {
    // Neither HOME nor an entry in the password file.
    return undefined;
  }
}

/**
 * Creates a private folder of this user that lasts until the system restarts: in `$XDG_RUNTIME_DIR`, else in the
 * temporary folder. There, other users may have created a folder of the same name: a folder that does not belong to
 * this user alone is skipped.
 *
 * @throws an error of `node:fs` if there is no such folder
 */
export function runtimeFolder(): string {
  // biome-ignore lint/style/noProcessEnv: XDG Base Directory Specification
  const { XDG_RUNTIME_DIR } = process.env;
  if (XDG_RUNTIME_DIR && isAbsolute(XDG_RUNTIME_DIR) && isOwn(XDG_RUNTIME_DIR)) {
    const folder = join(XDG_RUNTIME_DIR, NAME);
    if (createOwn(folder)) return folder;
  }
  return temporaryFolder(tmpdir());
}

/** Creates a folder and its missing parents, with access for this user alone. */
export function makeFolder(folder: string): void {
  const parent = dirname(folder);
  // With `recursive`, Node.js loops forever if a file system returns ENOENT for a folder whose parent exists, like
  // /proc.
  if (parent !== folder && !existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function temporaryFolder(parent: string): string {
  const prefix = `${NAME}-${process.getuid?.() ?? 'user'}-`;
  for (;;) {
    const taken = new Set(readdirSync(parent).filter((name) => name.startsWith(prefix)));
    const own = [...taken].filter((name) => isOwn(join(parent, name))).sort()[0];
    if (own !== undefined) return join(parent, own);
    let number = 0;
    while (taken.has(prefix + number)) number++;
    // A folder that another process creates meanwhile is found in the next iteration.
    if (createOwn(join(parent, prefix + number))) continue;
    throw Object.assign(new Error(`no folder in ${parent} belongs to this user alone`), {
      code: 'ENOTSUP',
    });
  }
}

function createOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return isOwn(folder);
}

/** Whether this is a folder, not a link to one, that belongs to this user and that no other user can enter. */
export function isOwn(folder: string): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return false;
  return process.getuid === undefined || (stats.uid === process.getuid() && !(stats.mode & 0o077));
}
