import { CredentialHelperError } from '../errors.ts';
import { type Binding, loadBinding } from './library.ts';

/**
 * Loads the binding that looks into tokens.
 *
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_PKCS11_BINDING` where it is not installed or not built
 */
export async function requireBinding(): Promise<Binding> {
  const binding = await loadBinding();
  if (binding === undefined) throw bindingMissing();
  return binding;
}

/**
 * The error for a binding that is not there; it says how to get it.
 *
 * @param purpose - what it is needed for, where that is not looking into tokens
 */
export function bindingMissing(purpose = 'to look into tokens'): CredentialHelperError {
  return new CredentialHelperError(
    `the npm package pkcs11js is needed ${purpose}, and is not installed or was not built`,
    {
      code: 'ERR_PKCS11_BINDING',
      hint: [
        'it is built when it is installed, which takes Python 3, make and a C++ compiler',
        'in a project: npm install pkcs11js; npm 12 builds it only with "allowScripts": {"pkcs11js": true} in package.json',
        'for the whole system: npm install --global --allow-scripts=pkcs11js awsiot-credentialhelper',
      ].join('\n'),
    },
  );
}
