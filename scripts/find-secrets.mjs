// Fails if a file contains a secret that the tests plant: no output of the tests may show one.
import { readFileSync } from 'node:fs';

/** The PIN of test/support/softhsm.ts, plain, in a URI and in JSON; and the body of any private key. */
const PIN = 'p:1?n&ü%;=/';
const SECRETS = [
  ['a PIN', PIN],
  ['a PIN', encodeURIComponent(PIN)],
  ['a private key', /PRIVATE KEY-----(\\+n|\s)+[A-Za-z0-9+/]{16}/],
];

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  for (const [name, secret] of SECRETS) {
    if (secret instanceof RegExp ? secret.test(text) : text.includes(secret)) {
      console.error(`${file} shows ${name}`);
      process.exitCode = 1;
    }
  }
}
