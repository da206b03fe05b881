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
  return error instanceof Error && error.name === 'Pkcs11Error' && 'method' in error
    ? error.message
    : undefined;
}

/** Makes the error for a PKCS#11 call that failed; it names the function, the return value, the token and the library. */
export function pkcs11Error(error: unknown, context: CallContext): unknown {
  const name = returnValueName(error);
  if (name === undefined) return error;
  const { method } = error as Error & { method: string };
  const where = context.token === undefined ? '' : ` for ${context.token}`;
  const { code, hint } = explainReturnValue(name);
  return new CredentialHelperError(
    `${method} returned ${name}${where} (library ${context.library})`,
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
