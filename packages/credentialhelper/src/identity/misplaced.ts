// Detects secrets in text that should be a name: messages show names.

/** The attributes of a PKCS#11 URI that have no other meaning, and a PIN as commonly written with them. */
const PIN_NAME = [
  // With common typos: pinvalue, pin_value, pin-vlaue, pni-value.
  'p[in]{2,3}[-_. ]*(?:v[alue]{3,5}|so[urce]{2,4})',
  '(?:^|[^a-z])(?:(?:user|so)[-_. ]?)?(?:p[in]{2,3}|pass|secret)[-_. ]{0,2}[a-z]{0,7}\\s*[=:]',
  'pin\\s*=',
  'module-(?:name|path)\\s*[=:]',
].join('|');

/** The attributes of a PKCS#11 URI, each with the text after its name. */
const ATTRIBUTE =
  '(?:^|[^a-z-])(?:token|manufacturer|serial|model|library-[a-z]+|slot-[a-z]+|object|id|type|pin-[a-z]+|module-[a-z]+)=';

const PIN_IN = new RegExp(PIN_NAME, 'i');
const ATTRIBUTE_IN = new RegExp(ATTRIBUTE, 'i');
const URI_IN = /^[\s\ufeff"'`]*pkcs11:/i;
const DATA_URL_IN = /^[\s\ufeff"'`]*data:/i;

/** Patterns of keys and certificates only: PEM, JWK, base64url or hexadecimal text longer than any id. */
const KEY_IN = /-----BEGIN |"(?:kty|d)"|[a-z0-9+/_=-]{100}|(?:[0-9a-f]{2}[:\s]?){65}/i;

/** How base64 of DER begins: a SEQUENCE. */
const DER_IN = /(?<![A-Za-z0-9+/])M[CEHI][A-Za-z0-9+/]{40}/;

/**
 * Detects a part of a PKCS#11 URI, or a key, in a label, serial number or the like. It may contain a PIN, so it must
 * not be shown.
 *
 * @returns a clause; undefined if the text can only be a name
 */
export function misplacedIn(name: string): string | undefined {
  // Most names, without compiling the expressions below.
  if (/^[\w .-]{1,39}$/.test(name) && !/p[in]|--/i.test(name)) return undefined;
  for (const text of [name, percentDecoded(name)]) {
    if (URI_IN.test(text)) return 'is a PKCS#11 URI';
    if (DATA_URL_IN.test(text)) return 'is a data: URL';
    if (/:\/\/[^/]*@/.test(text)) return 'is a URL with a password';
    if (ATTRIBUTE_IN.test(text)) return 'has an attribute of a PKCS#11 URI in it';
    const other = misplacedInValue(text);
    if (other !== undefined) return other;
  }
  return undefined;
}

/** The same for the value of an attribute of a PKCS#11 URI, decoded: it may have a `=` in it. */
export function misplacedInValue(value: string): string | undefined {
  if (PIN_IN.test(value)) return 'has a PIN attribute in it';
  return isKeyLike(value) ? 'is a key or certificate' : undefined;
}

function isKeyLike(text: string): boolean {
  if (KEY_IN.test(text) || DER_IN.test(text)) return true;
  // The private number of an EC P-256 key, in a JSON Web Key, and in base64.
  if (/^[\w-]{43}$|^[A-Za-z0-9+/]{43}=$/.test(text) && isMixed(text)) return true;
  // A line of PEM has 64 characters. Hexadecimal ids do not mix upper and lower case.
  const runs = text.match(/[A-Za-z0-9+/]{60,}/g) ?? [];
  return runs.some(isMixed);
}

function isMixed(text: string): boolean {
  return /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
}

function percentDecoded(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
