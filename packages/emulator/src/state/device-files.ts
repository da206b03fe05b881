// The certificate and the key of a device, as files in the folder.
import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EmulatorError } from '../errors.ts';
import { syncFolder } from './files.ts';

/** The paths of the files of a device. */
export interface DeviceFileNames {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** The files of one device. Nobody else writes them: the folder is locked. */
export interface DeviceFiles {
  /**
   * Removes what processes that were killed left unfinished, of any device.
   *
   * @param isRegistered - whether there is a certificate whose id begins with some digits
   * @throws {@link EmulatorError} `ERR_FILE` if one of the files of this device exists
   */
  prepare(isRegistered: (idPrefix: string) => boolean): void;
  /**
   * Creates both files.
   *
   * @throws {@link EmulatorError} `ERR_FILE` if one of them exists or cannot be written; then neither was created
   */
  write(device: {
    readonly certificateId: string;
    readonly certificatePem: string;
    readonly privateKeyPem: string;
  }): void;
  /** Ends a successful `write`, once the certificate is registered. */
  finish(): void;
  /** Removes what `write` created, if the certificate could not be registered. */
  undo(): void;
}

/** Returns the paths of the files of a device. */
export function deviceFileNames(dir: string, thingName: string): DeviceFileNames {
  return {
    certificateFile: join(dir, `${thingName}-cert.pem`),
    keyFile: join(dir, `${thingName}-key.pem`),
  };
}

/**
 * Opens the files of a device. Until its certificate is registered, each has a second name, with the first digits of
 * the certificate's id: so whatever ends the process, the next one knows which files are unfinished.
 */
export function openDeviceFiles(dir: string, thingName: string): DeviceFiles {
  const { certificateFile, keyFile } = deviceFileNames(dir, thingName);
  const created: string[] = [];
  const second: string[] = [];
  const write = (file: string, text: string, mode: number, id: string) => {
    const other = secondName(file, id);
    const descriptor = openSync(other, 'wx', mode);
    // Also removed if there is no room for the text.
    second.push(other);
    try {
      writeFileSync(descriptor, text, { flush: true });
    } finally {
      closeSync(descriptor);
    }
    // Fails if the file exists.
    linkSync(other, file);
    created.push(file);
  };
  const remove = (files: string[]) => {
    for (const file of files.splice(0)) rmSync(file, { force: true });
  };
  const undo = () => {
    remove(created);
    remove(second);
  };
  return {
    prepare(isRegistered) {
      removeUnfinished(dir, isRegistered);
      const existing = [certificateFile, keyFile].find(isThere);
      if (existing !== undefined) throw notOverwritten(existing);
    },
    write({ certificateId, certificatePem, privateKeyPem }) {
      try {
        write(keyFile, privateKeyPem, 0o600, certificateId);
        write(certificateFile, certificatePem, 0o644, certificateId);
        syncFolder(dir);
      } catch (cause) {
        undo();
        const { code, message, dest } = cause as NodeJS.ErrnoException & { readonly dest?: string };
        throw code === 'EEXIST' && dest !== undefined
          ? notOverwritten(dest)
          : new EmulatorError(`cannot write into ${dir}: ${message}`, { code: 'ERR_FILE', cause });
      }
    },
    finish: () => remove(second),
    undo,
  };
}

const SECOND_NAME = /^(.+-(?:cert|key)\.pem)\.([0-9a-f]{16})\.tmp$/;

function secondName(file: string, certificateId: string): string {
  return `${file}.${certificateId.slice(0, 16)}.tmp`;
}

function removeUnfinished(dir: string, isRegistered: (idPrefix: string) => boolean): void {
  for (const name of readdirSync(dir)) {
    const [, first, idPrefix] = SECOND_NAME.exec(name) ?? [];
    if (first === undefined || idPrefix === undefined) continue;
    const [file, other] = [join(dir, first), join(dir, name)];
    if (!isRegistered(idPrefix) && isSameFile(file, other)) rmSync(file);
    rmSync(other);
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((file) => lstatSync(file, { throwIfNoEntry: false }));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}

/** Also for a symbolic link to nothing. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function notOverwritten(file: string): EmulatorError {
  return new EmulatorError(`${file} already exists; it was not overwritten`, { code: 'ERR_FILE' });
}
