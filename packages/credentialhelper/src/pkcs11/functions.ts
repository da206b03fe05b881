import type { TypeObject } from 'koffi';
import type { Koffi, Pointer } from './koffi.ts';

/** The functions of `CK_FUNCTION_LIST` in its order, up to the last that is used; the same in every version 2.x. */
const FUNCTION_LIST = [
  ...['C_Initialize', 'C_Finalize', 'C_GetInfo', 'C_GetFunctionList', 'C_GetSlotList'],
  ...['C_GetSlotInfo', 'C_GetTokenInfo', 'C_GetMechanismList', 'C_GetMechanismInfo', 'C_InitToken'],
  ...['C_InitPIN', 'C_SetPIN', 'C_OpenSession', 'C_CloseSession', 'C_CloseAllSessions'],
  ...['C_GetSessionInfo', 'C_GetOperationState', 'C_SetOperationState', 'C_Login', 'C_Logout'],
  ...['C_CreateObject', 'C_CopyObject', 'C_DestroyObject', 'C_GetObjectSize'],
  ...['C_GetAttributeValue', 'C_SetAttributeValue', 'C_FindObjectsInit', 'C_FindObjects'],
  ...['C_FindObjectsFinal', 'C_EncryptInit', 'C_Encrypt', 'C_EncryptUpdate', 'C_EncryptFinal'],
  ...['C_DecryptInit', 'C_Decrypt', 'C_DecryptUpdate', 'C_DecryptFinal', 'C_DigestInit'],
  ...['C_Digest', 'C_DigestUpdate', 'C_DigestKey', 'C_DigestFinal', 'C_SignInit', 'C_Sign'],
  ...['C_SignUpdate', 'C_SignFinal', 'C_SignRecoverInit', 'C_SignRecover', 'C_VerifyInit'],
  ...['C_Verify', 'C_VerifyUpdate', 'C_VerifyFinal', 'C_VerifyRecoverInit', 'C_VerifyRecover'],
  ...['C_DigestEncryptUpdate', 'C_DecryptDigestUpdate', 'C_SignEncryptUpdate'],
  ...['C_DecryptVerifyUpdate', 'C_GenerateKey', 'C_GenerateKeyPair'],
] as const;

/** The name of a PKCS#11 function. */
export type FunctionName = (typeof FUNCTION_LIST)[number];

/** A PKCS#11 library that is loaded, but not necessarily initialized. */
export interface NativeLibrary {
  /** The version of the standard that its function list follows. */
  readonly version: { readonly major: number; readonly minor: number };
  /** Calls a function and returns its `CK_RV`. */
  call(name: FunctionName, ...args: readonly unknown[]): number;
}

type Parameters = (TypeObject | ReturnType<Koffi['out']>)[];

const FUNCTION_NOT_SUPPORTED = 0x54;

/**
 * Loads a PKCS#11 library into this process and reads its function list.
 *
 * @throws errors of koffi if it is not a library, or not a PKCS#11 library
 */
export function loadFunctions(koffi: Koffi, path: string): NativeLibrary {
  const library = koffi.load(path);
  const pointer = koffi.pointer('void');
  const getFunctionList = library.func('C_GetFunctionList', 'ulong', [
    koffi.out(koffi.pointer(pointer)),
  ]);
  const address: [Pointer | null] = [null];
  const returned = Number(getFunctionList(address));
  if (returned !== 0 || address[0] === null) {
    throw new Error(`C_GetFunctionList returned ${returned}`);
  }
  const version = struct(koffi, { major: 'uint8', minor: 'uint8' });
  const list = koffi.decode(
    address[0],
    struct(koffi, {
      version,
      ...Object.fromEntries(FUNCTION_LIST.map((name) => [name, pointer])),
    }),
  );
  const types = signatures(koffi, version);
  const errors = openSslErrors(koffi);
  const functions = new Map<FunctionName, (...args: readonly unknown[]) => unknown>();
  return {
    version: list.version,
    call(name, ...args) {
      const parameters = types[name];
      if (list[name] === null || parameters === undefined) return FUNCTION_NOT_SUPPORTED;
      let call = functions.get(name);
      if (call === undefined) {
        // The closure keeps the library: koffi unloads a library without references.
        const native = koffi.decode(list[name], koffi.proto('ulong', parameters));
        call = (...values) => library && native(...values);
        functions.set(name, call);
      }
      errors?.mark();
      const returned = Number(call(...args));
      errors?.popToMark();
      return returned;
    },
  };
}

/**
 * OpenSSL's error queue of this thread (`ERR_set_mark(3)`). A library that shares the OpenSSL of Node.js, as in
 * Debian, leaves errors in it, and the next read of any TLS connection would fail. Undefined for a runtime without
 * exported OpenSSL.
 */
function openSslErrors(koffi: Koffi): { mark(): number; popToMark(): number } | undefined {
  try {
    const program = koffi.load(null);
    return {
      mark: program.func('ERR_set_mark', 'int', []),
      popToMark: program.func('ERR_pop_to_mark', 'int', []),
    };
  } catch {
    return undefined;
  }
}

/**
 * A structure as this platform lays it out: `CK_ULONG` is C's `unsigned long`, 4 bytes on Windows, where all structures
 * are packed to 1 byte (Base Specification 3.1, section 2.1).
 */
function struct(koffi: Koffi, members: Record<string, string | TypeObject>): TypeObject {
  return process.platform === 'win32' ? koffi.pack(members) : koffi.struct(members);
}

/** The parameter types of the functions. */
function signatures(koffi: Koffi, version: TypeObject): Partial<Record<FunctionName, Parameters>> {
  const { ulong, uint8 } = koffi.types;
  const pointer = koffi.pointer('void');
  const to = (members: Record<string, string | TypeObject>) =>
    koffi.pointer(struct(koffi, members));
  const text = (length: number) => koffi.array('uint8', length);
  const ulongOut = koffi.out(koffi.pointer(ulong));
  const ulongInOut = koffi.inout(koffi.pointer(ulong));
  const attributes = to({ type: ulong, pValue: pointer, ulValueLen: ulong });
  const mechanism = to({ mechanism: ulong, pParameter: pointer, ulParameterLen: ulong });
  const initializeArguments = to({
    createMutex: pointer,
    destroyMutex: pointer,
    lockMutex: pointer,
    unlockMutex: pointer,
    flags: ulong,
    pReserved: pointer,
    // NSS reads one more pointer, which must be NULL.
    end: pointer,
  });
  const info = to({
    cryptokiVersion: version,
    manufacturerID: text(32),
    flags: ulong,
    libraryDescription: text(32),
    libraryVersion: version,
  });
  const slotInfo = to({
    slotDescription: text(64),
    manufacturerID: text(32),
    flags: ulong,
    hardwareVersion: version,
    firmwareVersion: version,
  });
  const tokenInfo = to({
    label: text(32),
    manufacturerID: text(32),
    model: text(16),
    serialNumber: text(16),
    flags: ulong,
    ulMaxSessionCount: ulong,
    ulSessionCount: ulong,
    ulMaxRwSessionCount: ulong,
    ulRwSessionCount: ulong,
    ulMaxPinLen: ulong,
    ulMinPinLen: ulong,
    ulTotalPublicMemory: ulong,
    ulFreePublicMemory: ulong,
    ulTotalPrivateMemory: ulong,
    ulFreePrivateMemory: ulong,
    hardwareVersion: version,
    firmwareVersion: version,
    utcTime: text(16),
  });
  return {
    C_Initialize: [initializeArguments],
    C_Finalize: [pointer],
    C_GetInfo: [koffi.out(info)],
    C_GetSlotList: [uint8, pointer, ulongInOut],
    C_GetSlotInfo: [ulong, koffi.out(slotInfo)],
    C_GetTokenInfo: [ulong, koffi.out(tokenInfo)],
    C_GetMechanismList: [ulong, pointer, ulongInOut],
    C_InitToken: [ulong, pointer, ulong, pointer],
    C_InitPIN: [ulong, pointer, ulong],
    C_SetPIN: [ulong, pointer, ulong, pointer, ulong],
    C_OpenSession: [ulong, ulong, pointer, pointer, ulongOut],
    C_CloseSession: [ulong],
    C_Login: [ulong, ulong, pointer, ulong],
    C_Logout: [ulong],
    C_CreateObject: [ulong, attributes, ulong, ulongOut],
    C_DestroyObject: [ulong, ulong],
    C_GetAttributeValue: [ulong, ulong, koffi.inout(attributes), ulong],
    C_FindObjectsInit: [ulong, attributes, ulong],
    C_FindObjects: [ulong, pointer, ulong, ulongInOut],
    C_FindObjectsFinal: [ulong],
    C_SignInit: [ulong, mechanism, ulong],
    C_Sign: [ulong, pointer, ulong, pointer, ulongInOut],
    C_GenerateKeyPair: [ulong, mechanism, attributes, ulong, attributes, ulong, ulongOut, ulongOut],
  };
}
