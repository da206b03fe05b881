import { CredentialHelperError } from '../errors.ts';
import { explainReturnValue } from '../pkcs11-return-value.ts';

/** What a PKCS#11 call was about, for messages. */
export interface CallContext {
  /** Path of the library. */
  readonly library: string;
  /** How messages call the token and slot, where one was chosen. */
  readonly token?: string | undefined;
}

/** The name of a PKCS#11 return value in an error of pkcs11js, such as `CKR_PIN_INCORRECT`. */
export function returnValueName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'Pkcs11Error') return error.message;
  // C_CreateObject and C_SetAttributeValue of pkcs11js throw what their native part throws: name and number.
  return /^(CKR_\w+):\d+/.exec(error.message)?.[1];
}

/** The PKCS#11 function that an error of pkcs11js came from; for some only the stack tells. */
function functionName(error: Error & { method?: string; nativeStack?: string }): string {
  const stack = error.nativeStack || error.stack;
  return error.method || (/\bC_[A-Z]\w+/.exec(stack ?? '')?.[0] ?? 'a PKCS#11 function');
}

/** Makes the error for a PKCS#11 call that failed; it names the function, the return value, the token and the library. */
export function pkcs11Error(error: unknown, context: CallContext): unknown {
  const name = returnValueName(error);
  if (name === undefined) return error;
  const where = context.token === undefined ? '' : ` for ${context.token}`;
  const { code, hint } = explainReturnValue(name);
  return new CredentialHelperError(
    `${functionName(error as Error)} returned ${name}${where} (library ${context.library})`,
    { code, hint, cause: error },
  );
}

/** Runs PKCS#11 calls and turns what they throw into errors of this package. */
export function withContext<T>(context: CallContext, calls: () => T): T {
  try {
    return calls();
  } catch (error) {
    throw pkcs11Error(error, context);
  }
}
