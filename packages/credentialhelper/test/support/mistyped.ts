// Misplaced secrets, with typos around them.
import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { Planted, plantedKey } from './planted.ts';

/** A text with a secret, and how to find the secret again. */
export interface Mistyped {
  readonly text: string;
  readonly planted: Planted;
  /** Whether the text may be a name: a PIN, without context that shows that it is not. */
  readonly isName: boolean;
}

const characters = (all: string) => fc.constantFrom(...Array.from(all));
/** No `fc.string`: it prefers words such as "arguments", which also occur in messages. */
const word = (all: string, minLength = 9, maxLength = 14) =>
  fc.array(characters(all), { minLength, maxLength }).map((chosen) => chosen.join(''));

const DIGITS = '0123456789';
const LETTERS = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ';

/** PINs and passphrases, too long to occur in a message accidentally. */
export const pins: fc.Arbitrary<string> = fc.oneof(
  word(DIGITS, 9, 12),
  word(LETTERS + DIGITS).filter((pin) => /\d/.test(pin)),
  // Text that begins like a path is a path.
  word(`${LETTERS}${DIGITS}!"#$%&'()*+,-./:;<=>?@[\\]^_{|}~`).filter(
    (pin) => /\d/.test(pin) && !/^\.{1,2}[\\/]/.test(pin),
  ),
  word(`äöüßéñçøåžЖλ日本語${DIGITS}`),
  fc
    .array(
      fc.constantFrom('violet', 'hammer', 'orchard', 'quince', 'zither', 'walrus', 'umbrage'),
      {
        minLength: 3,
        maxLength: 5,
      },
    )
    .map((words) => words.join(' ')),
);

/** Private keys as pasted text. */
export function keyForms(pem: string): readonly string[] {
  const key = createPrivateKey(pem);
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const lines = pem.trim().split('\n').slice(1, -1);
  const jwk = JSON.stringify(key.export({ format: 'jwk' }));
  const hex = der.toString('hex');
  return [
    der.toString('base64'),
    der.toString('base64url'),
    pem,
    pem.replaceAll('\n', '\\n'),
    pem.replaceAll('\n', ' '),
    hex,
    hex.replaceAll(/..\B/g, '$&:'),
    hex.toUpperCase(),
    jwk,
    JSON.stringify(pem),
    lines.join('\n'),
    lines.join(''),
    lines[1] ?? '',
    lines.slice(1).join('\n'),
    lines.slice(0, -1).join(''),
    pem.split('\n').slice(1).join('\n'),
    pem.split('\n').slice(0, -2).join('\n'),
    `data:application/x-pem-file;base64,${Buffer.from(pem).toString('base64')}`,
    `data:,${encodeURIComponent(pem)}`,
    Buffer.from(pem).toString('base64'),
    encodeURIComponent(pem),
    encodeURIComponent(der.toString('base64')),
  ];
}

const AROUND: readonly (readonly [before: string, after: string])[] = [
  ...['"', "'", '`', ' ', '\n', '\t', '\ufeff', '\u00a0'].flatMap((one) => [
    [one, ''] as const,
    ['', one] as const,
    [one, one] as const,
  ]),
  ['', '\r'],
  ['', '\r\n'],
  ['', '\0'],
  ['', '\nsecond line'],
  ['first line\n', ''],
  ['{', '}'],
  ['<', '>'],
  ['$(cat ', ')'],
  ...[
    ...['file:', 'file:/', 'file://', 'file:///', 'FILE:///', 'file://localhost/', '/', '//', '~/'],
    ...['env:', 'credential:', 'fd:', 'pass:', 'pin:', 'data:,', 'data:text/plain,', 'base64:'],
    ...['pin=', 'pin-value=', '?pin-value=', 'pin-source=', '--pin=', '-p', '|', '=', '%', '@'],
    ...['pkcs11:', 'pkcs11:?', 'pkcs11:pin-value=', 'pkcs11:?pin-value=', 'https://', 'http://x:'],
  ].map((before) => [before, ''] as const),
];

const percent = (text: string) =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** A distorted secret. */
export function mistyped(keyPem: string): fc.Arbitrary<Mistyped> {
  const ofKey = plantedKey(keyPem);
  const secret = fc.oneof(
    { weight: 3, arbitrary: pins.map((text) => ({ text, planted: new Planted(text), pin: true })) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(...keyForms(keyPem))
        .map((text) => ({ text, planted: ofKey, pin: false })),
    },
  );
  const change = fc.oneof(
    { weight: 2, arbitrary: fc.constant((text: string) => text) },
    {
      weight: 5,
      arbitrary: fc.constantFrom(...AROUND).map(
        ([a, b]) =>
          (text: string) =>
            a + text + b,
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<(text: string) => string>(
        (text) => text + text,
        (text) => `${text}\n${text}`,
        (text) => percent(text),
        (text) => percent(text.slice(0, 2)) + text.slice(2),
        (text) => encodeURIComponent(text),
        (text) => text.toUpperCase(),
      ),
    },
  );
  return fc.tuple(secret, change).map(([{ text, planted, pin }, how]) => {
    const isName = pin && !/pkcs11:|pin|^data:/.test(how('1'));
    return { text: how(text), planted, isName };
  });
}

const SCHEMES = [
  ...['pkcs11:', 'pkcs11:', 'pkcs11:', 'PKCS11:', 'Pkcs11:', ' pkcs11:', '"pkcs11:', "'pkcs11:"],
  ...['\npkcs11:', '\ufeffpkcs11:', '\tpkcs11:', 'pkcs1:', 'pkcs:', 'pkcs11://', 'pkcs11', 'p11:'],
  ...['pkcs#11:', 'pkcs11:pkcs11:', 'pkcs11;', 'uri:pkcs11:', 'file:pkcs11:', 'pkcs11%3A', ''],
];
const BEFORE = [
  ...['', 'token=device', 'token=device;object=thing-key', 'object=thing-key;type=private'],
  ...['token=no-such', 'token=device;id=%01', 'serial=', 'slot-id=0', 'token=de%20vice'],
];
const SEPARATORS = [
  ...['?', '?', '?', ';', '&', ',', ' ', '??', '%3F', '%3f', '%26', '%3B', '|', '/', ':', '\n'],
  ...['', '=', '%0A', '.', '@', '%20', '+', '?;', '\\?', "'", '!'],
];
const NAMES = [
  ...['pin-value', 'pin-value', 'pin-source', 'pinvalue', 'pin_value', 'pin-vlaue', 'PIN-VALUE'],
  ...[
    'Pin-Value',
    'pin',
    'PIN',
    'pinn-value',
    'pni-value',
    'pin-valeu',
    'pin.value',
    'pin%2Dvalue',
  ],
  ...['pin value', 'pinsource', 'pin-valu', 'pin--value', 'user-pin', 'userPin', 'password'],
  ...['pin-value%20', 'module-name', 'module-path', 'pin-path', 'pin-source=file', '%70in-value'],
];
const EQUALS = ['=', '=', '=', '=', ':', '%3D', '==', ' = ', '%3d', '=%22', '="', '=/', '=file:'];
const AFTER = [
  ...['', '', '', '&module-name=softhsm2', ';object=thing-key', '?', '&', '\n', '"', ' ', '%00'],
  ...['&pin-value=1', '&pin-source=/etc/pin', '?module-name=softhsm2', ';type=private'],
];

/** A valid or invalid PKCS#11 URI with a PIN. */
export const mistypedUris: fc.Arbitrary<Mistyped> = fc
  .record({
    pin: pins,
    write: fc.constantFrom<(text: string) => string>(
      (text) => text,
      encodeURIComponent,
      percent,
      (text) => percent(text.slice(0, 3)) + text.slice(3),
      (text) => text.slice(0, -3) + percent(text.slice(-3)),
    ),
    scheme: fc.constantFrom(...SCHEMES),
    before: fc.constantFrom(...BEFORE),
    separator: fc.constantFrom(...SEPARATORS),
    name: fc.constantFrom(...NAMES),
    equals: fc.constantFrom(...EQUALS),
    after: fc.constantFrom(...AFTER),
    twice: fc.boolean(),
  })
  .map(({ pin, write, scheme, before, separator, name, equals, after, twice }) => {
    const attribute = `${separator}${name}${equals}${write(pin)}`;
    const text = `${scheme}${before}${attribute}${twice && after === '' ? attribute : ''}${after}`;
    return { text, planted: new Planted(pin), isName: false };
  });
