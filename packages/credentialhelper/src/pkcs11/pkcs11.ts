import { realpathSync } from 'node:fs';
import { CredentialHelperError } from '../errors.ts';
import { monotonicMs } from '../process/timers.ts';
import { CKA, CKF_OS_LOCKING_OK, CKM, returnValueName } from './constants.ts';
import { type FunctionName, loadFunctions, type NativeLibrary } from './functions.ts';
import { type Koffi, loadKoffi } from './koffi.ts';
import { libraryHint, namesDatabase, needsDatabase } from './library-hints.ts';
import type { LibraryLocation } from './library-location.ts';
import { Pkcs11Error, withContext } from './return-value.ts';

/** The number of a slot, session or object: a `CK_ULONG`, as a bigint if it exceeds the range of a number. */
export type Handle = number | bigint;

/** The attributes of an object. Numbers become `CK_ULONG`, text becomes UTF-8. */
export type Template = {
  readonly [Name in AttributeName]?: boolean | number | string | Uint8Array;
};

/** The name of an attribute, such as `CKA_LABEL`. */
export type AttributeName = keyof typeof CKA;

/** The name of a mechanism, such as `CKM_ECDSA`. */
export type MechanismName = keyof typeof CKM;

/** The description of a token (`CK_TOKEN_INFO`), without padding. */
export interface TokenInfo {
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** `CKF_…` flags. */
  readonly flags: number;
  /** Minimum and maximum length of a PIN in bytes; undefined if the token does not report them. */
  readonly pinBytes: { readonly min: number; readonly max: number } | undefined;
}

/** Called for each call: function, slot or session, names, return value, milliseconds. */
export type Trace = (line: string) => void;

const MAX_SIGNATURE_BYTES = 1024;
/** Keys and certificates have no longer values; `CK_UNAVAILABLE_INFORMATION` is the largest number. */
const MAX_ATTRIBUTE_BYTES = 1024 * 1024;
const FIND_BATCH = 64;

/** A library that this thread has loaded. */
interface LoadedLibrary {
  readonly native: NativeLibrary;
  readonly parameters: string | undefined;
  /** Whether this thread initialized it, with these parameters; else other code in the process did. */
  isInitializedHere: boolean;
  /** How many sessions this thread has open. */
  sessions: number;
  /** Whether a session could not be closed: the library may still be logged in. */
  mayBeLoggedIn: boolean;
}

/** The libraries in use, by their real path. They stay loaded: other code in the process may use them. */
const loaded = new Map<string, LoadedLibrary>();
const keptForLibraries: Buffer[] = [];

/** Whether a library of this thread may still be logged in because a session could not be closed. */
export function mayBeLoggedIn(): boolean {
  return [...loaded.values()].some((library) => library.mayBeLoggedIn);
}

/**
 * A PKCS#11 library, loaded and initialized (PKCS #11 Base Specification 3.1). Each call throws {@link Pkcs11Error}.
 */
export class Pkcs11 {
  readonly path: string;
  readonly koffi: Koffi;
  readonly #library: LoadedLibrary;
  readonly #trace: Trace | undefined;

  /**
   * Loads a library into this process and initializes it for use by several threads.
   *
   * @throws {@link CredentialHelperError} (as a rejection) `ERR_PKCS11_BINDING`; `ERR_PKCS11_LIBRARY` if it cannot be
   * loaded, needs parameters, or is in use in this process with other parameters; `ERR_PKCS11` if it cannot be
   * initialized
   */
  static async open(location: LibraryLocation, trace?: Trace): Promise<Pkcs11> {
    return new Pkcs11(await loadKoffi(), location, trace);
  }

  private constructor(koffi: Koffi, location: LibraryLocation, trace: Trace | undefined) {
    this.path = location.library;
    this.koffi = koffi;
    this.#trace = trace;
    assertParameters(location);
    const realPath = realpathSync(this.path);
    this.#library = loaded.get(realPath) ?? load(koffi, location);
    if (this.#library.parameters !== location.libraryParameters) throw inUse(this.path);
    withContext({ library: this.path }, () => this.#initialize());
    loaded.set(realPath, this.#library);
  }

  #initialize(): void {
    const { parameters } = this.#library;
    const reserved = parameters === undefined ? undefined : Buffer.from(`${parameters}\0`);
    const mutexes = { createMutex: null, destroyMutex: null, lockMutex: null, unlockMutex: null };
    const pReserved = this.#address(reserved);
    try {
      this.#call('C_Initialize', '', {
        ...mutexes,
        flags: CKF_OS_LOCKING_OK,
        pReserved,
        end: null,
      });
      this.#library.isInitializedHere = true;
      // Some libraries keep the pointer.
      if (reserved !== undefined) keptForLibraries.push(reserved);
    } catch (error) {
      const { returnValue } = error as Partial<Pkcs11Error>;
      if (returnValue !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error;
      // Other code in this process initialized it, with unknown parameters, and NSS shows other tokens then.
      if (parameters !== undefined && !this.#library.isInitializedHere) throw inUse(this.path);
    }
  }

  /** Finalizes the library in this process. Only for a process without other users of the library. */
  finalize(): void {
    this.#call('C_Finalize', '', null);
    loaded.delete(realpathSync(this.path));
  }

  /**
   * Reinitializes the library, so that it searches for tokens again, if this thread initialized it and has no session
   * open.
   *
   * @returns whether it did
   */
  reinitialize(): boolean {
    if (!this.#library.isInitializedHere || this.#library.sessions > 0) return false;
    withContext({ library: this.path }, () => {
      this.#call('C_Finalize', '', null);
      this.#initialize();
    });
    return true;
  }

  getInfo(): { manufacturer: string; description: string; version: string } {
    const info: Record<string, unknown> = {};
    this.#call('C_GetInfo', '', info);
    const { major, minor } = info.libraryVersion as { major: number; minor: number };
    return {
      manufacturer: text(info.manufacturerID),
      description: text(info.libraryDescription),
      version: `${major}.${minor}`,
    };
  }

  /** The slots with a token. */
  getSlots(): readonly Handle[] {
    return this.#list('C_GetSlotList', '', 1);
  }

  getSlotInfo(slot: Handle): { description: string; manufacturer: string } {
    const info: Record<string, unknown> = {};
    this.#call('C_GetSlotInfo', `slot ${slot}`, slot, info);
    return { description: text(info.slotDescription), manufacturer: text(info.manufacturerID) };
  }

  getTokenInfo(slot: Handle): TokenInfo {
    const info: Record<string, unknown> = {};
    this.#call('C_GetTokenInfo', `slot ${slot}`, slot, info);
    const [min, max] = [Number(info.ulMinPinLen), Number(info.ulMaxPinLen)];
    return {
      label: text(info.label),
      manufacturer: text(info.manufacturerID),
      model: text(info.model),
      serial: text(info.serialNumber),
      flags: Number(info.flags),
      pinBytes: max > 0 && min <= max ? { min, max } : undefined,
    };
  }

  /** Whether a token has a mechanism. */
  hasMechanism(slot: Handle, mechanism: MechanismName): boolean {
    return this.#list('C_GetMechanismList', `slot ${slot}`, slot).includes(CKM[mechanism]);
  }

  /** @param label - at most 32 bytes */
  initToken(slot: Handle, soPin: string, label: string): void {
    const padded = Buffer.alloc(32, ' ');
    padded.write(label);
    withSecret(soPin, (pin, length) =>
      this.#call('C_InitToken', `slot ${slot}`, slot, pin, length, padded),
    );
  }

  initPin(session: Handle, pin: string): void {
    withSecret(pin, (bytes, length) =>
      this.#call('C_InitPIN', `session ${session}`, session, bytes, length),
    );
  }

  /** @param before - the current PIN; null for a token with a PIN pad, which asks for both */
  setPin(session: Handle, before: string | null, after: string | null): void {
    withSecret(before, (oldPin, oldLength) =>
      withSecret(after, (newPin, newLength) =>
        this.#call(
          'C_SetPIN',
          `session ${session}`,
          ...[session, oldPin, oldLength, newPin, newLength],
        ),
      ),
    );
  }

  openSession(slot: Handle, flags: number): Handle {
    const handle: [Handle] = [0];
    this.#call('C_OpenSession', `slot ${slot}`, slot, flags, null, null, handle);
    this.#library.sessions++;
    return handle[0];
  }

  closeSession(session: Handle): void {
    this.#library.sessions--;
    try {
      this.#call('C_CloseSession', `session ${session}`, session);
    } catch (error) {
      this.#library.mayBeLoggedIn = true;
      throw error;
    }
  }

  /** @param pin - null for a token with a PIN pad, which asks for it */
  login(session: Handle, user: number, pin: string | null): void {
    withSecret(pin, (bytes, length) =>
      this.#call('C_Login', `session ${session} user ${user}`, session, user, bytes, length),
    );
  }

  logout(session: Handle): void {
    this.#call('C_Logout', `session ${session}`, session);
  }

  createObject(session: Handle, template: Template): Handle {
    const handle: [Handle] = [0];
    const { attributes, names } = this.#attributes(template);
    const about = `session ${session} ${names}`;
    this.#call('C_CreateObject', about, session, attributes, attributes.length, handle);
    return handle[0];
  }

  destroyObject(session: Handle, object: Handle): void {
    this.#call('C_DestroyObject', `session ${session} object ${object}`, session, object);
  }

  /** One attribute of an object; undefined if the object does not have it or the token does not reveal it. */
  getAttribute(session: Handle, object: Handle, name: AttributeName): Buffer | undefined {
    const about = `session ${session} object ${object} ${name}`;
    const read = (pValue: bigint | null, ulValueLen: number): number => {
      const template = [{ type: CKA[name], pValue, ulValueLen }];
      this.#call('C_GetAttributeValue', about, session, object, template, 1);
      return Number(template[0]?.ulValueLen);
    };
    try {
      const length = read(null, 0);
      if (length > MAX_ATTRIBUTE_BYTES) return undefined;
      const value = Buffer.alloc(length);
      return length === 0 ? value : value.subarray(0, read(this.#address(value), length));
    } catch (error) {
      if (!(error instanceof Pkcs11Error)) throw error;
      return undefined;
    }
  }

  /** The objects with these attributes; without attributes, all objects that are visible to this session. */
  findObjects(session: Handle, template: Template): readonly Handle[] {
    const { attributes, names } = this.#attributes(template);
    const about = `session ${session}`;
    this.#call('C_FindObjectsInit', `${about} ${names}`, session, attributes, attributes.length);
    try {
      const handles: Handle[] = [];
      for (;;) {
        const found = this.#ulongs(FIND_BATCH);
        const count: [Handle] = [0];
        this.#call('C_FindObjects', about, session, found.buffer, FIND_BATCH, count);
        if (Number(count[0]) === 0) return handles;
        handles.push(...found.read(Number(count[0])));
      }
    } finally {
      this.#call('C_FindObjectsFinal', about, session);
    }
  }

  /** @returns the handles of the public and the private key */
  generateKeyPair(
    session: Handle,
    mechanism: MechanismName,
    publicTemplate: Template,
    privateTemplate: Template,
  ): { readonly publicKey: Handle; readonly privateKey: Handle } {
    const [publicKey, privateKey]: [[Handle], [Handle]] = [[0], [0]];
    const one = this.#attributes(publicTemplate);
    const other = this.#attributes(privateTemplate);
    const about = `session ${session} ${mechanism} ${one.names}; ${other.names}`;
    this.#call(
      'C_GenerateKeyPair',
      about,
      session,
      plainMechanism(mechanism),
      ...[one.attributes, one.attributes.length, other.attributes, other.attributes.length],
      ...[publicKey, privateKey],
    );
    return { publicKey: publicKey[0], privateKey: privateKey[0] };
  }

  signInit(session: Handle, mechanism: MechanismName, key: Handle): void {
    const about = `session ${session} ${mechanism}`;
    this.#call('C_SignInit', about, session, plainMechanism(mechanism), key);
  }

  sign(session: Handle, data: Uint8Array): Buffer {
    const signature = Buffer.alloc(MAX_SIGNATURE_BYTES);
    const length: [Handle] = [signature.length];
    this.#call('C_Sign', `session ${session}`, session, data, data.length, signature, length);
    return signature.subarray(0, Number(length[0]));
  }

  #call(name: FunctionName, about: string, ...args: readonly unknown[]): void {
    const begin = monotonicMs();
    const returned = returnValueName(this.#library.native.call(name, ...args));
    const milliseconds = (monotonicMs() - begin).toFixed(1);
    this.#trace?.(`${name}${about && ' '}${about}: ${returned}, ${milliseconds} ms`);
    if (returned !== 'CKR_OK') throw new Pkcs11Error(name, returned);
  }

  /** Calls a function that lists numbers, first for their count. */
  #list(
    name: 'C_GetSlotList' | 'C_GetMechanismList',
    about: string,
    argument: Handle,
  ): readonly Handle[] {
    for (;;) {
      const count: [Handle] = [0];
      this.#call(name, about, argument, null, count);
      const list = this.#ulongs(Number(count[0]));
      try {
        this.#call(name, about, argument, list.buffer, count);
        return list.read(Number(count[0]));
      } catch (error) {
        // Their number has grown meanwhile.
        if ((error as Pkcs11Error).returnValue !== 'CKR_BUFFER_TOO_SMALL') throw error;
      }
    }
  }

  #ulongs(length: number): { buffer: Buffer; read(count: number): readonly Handle[] } {
    const { ulong } = this.koffi.types;
    const buffer = Buffer.alloc(Math.max(length, 1) * ulong.size);
    const { decode } = this.koffi;
    return {
      buffer,
      // One by one: koffi never frees the memory of `array` with a length.
      read: (count) =>
        Array.from({ length: count }, (_, index) =>
          plain(decode(buffer, index * ulong.size, ulong)),
        ),
    };
  }

  #attributes(template: Template) {
    const names = Object.keys(template) as AttributeName[];
    const attributes = names.map((name) => {
      const value = this.#bytes(template[name] ?? '');
      // Keeps the bytes alive as long as their address is in use.
      return { type: CKA[name], pValue: this.#address(value), ulValueLen: value.length, value };
    });
    return { attributes, names: names.join(' ') };
  }

  #bytes(value: boolean | number | string | Uint8Array): Buffer {
    if (typeof value === 'string') return Buffer.from(value);
    if (typeof value === 'boolean') return Buffer.of(value ? 1 : 0);
    if (typeof value !== 'number') return Buffer.from(value);
    const { ulong } = this.koffi.types;
    const bytes = Buffer.alloc(ulong.size);
    this.koffi.encode(bytes, ulong, value);
    return bytes;
  }

  #address(bytes: Buffer | undefined): bigint | null {
    return bytes === undefined || bytes.length === 0 ? null : this.koffi.address(bytes);
  }
}

function load(koffi: Koffi, { library, libraryParameters }: LibraryLocation): LoadedLibrary {
  let native: NativeLibrary;
  try {
    native = loadFunctions(koffi, library);
  } catch (cause) {
    throw notLoaded(library, (cause as Error).message, cause);
  }
  const { major, minor } = native.version;
  // A list of version 3 begins like those of version 2.
  if (major !== 2 && major !== 3)
    throw notLoaded(library, `its function list has version ${major}.${minor}`);
  return {
    native,
    parameters: libraryParameters,
    isInitializedHere: false,
    sessions: 0,
    mayBeLoggedIn: false,
  };
}

function assertParameters({ library, libraryParameters }: LibraryLocation): void {
  if (!needsDatabase(library) || namesDatabase(libraryParameters)) return;
  throw new CredentialHelperError(`the PKCS#11 library ${library} needs the name of a database`, {
    code: 'ERR_PKCS11_LIBRARY',
    hint: libraryHint(library),
  });
}

function inUse(library: string): CredentialHelperError {
  return new CredentialHelperError(
    `this process already uses the PKCS#11 library ${library}, perhaps with other parameters`,
    {
      code: 'ERR_PKCS11_LIBRARY',
      hint: 'a library is initialized once in a process, for all its threads: leave "pkcs11.isolate" at its default',
    },
  );
}

function notLoaded(library: string, reason: string, cause?: unknown): CredentialHelperError {
  return new CredentialHelperError(`cannot load the PKCS#11 library ${library}: ${reason}`, {
    code: 'ERR_PKCS11_LIBRARY',
    cause,
    hint: `it must be a PKCS#11 library for this system (${process.platform} ${process.arch})`,
  });
}

/** A handle as returned by koffi elsewhere: a bigint only if it exceeds the range of a number. */
function plain(handle: Handle): Handle {
  return handle <= Number.MAX_SAFE_INTEGER ? Number(handle) : handle;
}

function plainMechanism(name: MechanismName) {
  return { mechanism: CKM[name], pParameter: null, ulParameterLen: 0 };
}

/** A text field without its padding: PKCS#11 pads with blanks, some libraries with NUL. */
function text(field: unknown): string {
  return Buffer.from(field as Uint8Array)
    .toString()
    .replace(/[\0 ]+$/, '');
}

/** Passes a secret to a call, in a buffer that is overwritten afterwards. */
function withSecret(secret: string | null, call: (bytes: Buffer | null, length: number) => void) {
  if (secret === null) return call(null, 0);
  const bytes = Buffer.from(secret);
  try {
    call(bytes, bytes.length);
  } finally {
    bytes.fill(0);
  }
}
