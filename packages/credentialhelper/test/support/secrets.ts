import { createPrivateKey } from 'node:crypto';

const secrets = new Set<string>();

/** Plants a secret: no command may print it, nor its percent-encoded or base64 encoding. */
export function plantSecret(text: string): string {
  secrets.add(text);
  secrets.add(encodeURIComponent(text));
  secrets.add(Buffer.from(text).toString('base64'));
  return text;
}

/** Plants a private key: no command may print a piece of it. */
export function plantKey(pem: string): void {
  const key = createPrivateKey(pem);
  const { d = '' } = key.export({ format: 'jwk' });
  const bytes = Buffer.from(d, 'base64url');
  for (const form of [d, bytes.toString('base64'), bytes.toString('hex')]) {
    secrets.add(form.slice(0, 24));
  }
  for (const line of pem.split('\n')) {
    if (/^[A-Za-z0-9+/=]{40,}$/.test(line)) secrets.add(line);
  }
}

/** Called after the tests of each file. */
export function forgetSecrets(): void {
  secrets.clear();
}

/** The first secret in a text, or undefined. */
export function findSecret(text: string): string | undefined {
  return [...secrets].find((secret) => text.toLowerCase().includes(secret.toLowerCase()));
}
