import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs openssl, the second opinion on everything about keys and certificates. */
export function openssl(...args: readonly string[]): Buffer {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The key types of tests: those that AWS IoT supports. */
export const KEY_TYPES = {
  'RSA 2048': ['-newkey', 'rsa:2048'],
  'RSA 4096': ['-newkey', 'rsa:4096'],
  'EC P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'EC P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'EC P-521': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521'],
} as const;

export type KeyType = keyof typeof KEY_TYPES;

/** Creates a key (PKCS#8) and a self-signed certificate for it as files, and returns their paths. */
export function makeSelfSigned(
  folder: string,
  name: string,
  keyType: KeyType = 'EC P-256',
  extra: readonly string[] = [],
): { keyFile: string; certificateFile: string } {
  const keyFile = join(folder, `${name}-key.pem`);
  const certificateFile = join(folder, `${name}-cert.pem`);
  openssl(
    'req',
    '-x509',
    '-noenc',
    ...KEY_TYPES[keyType],
    '-keyout',
    keyFile,
    '-out',
    certificateFile,
    '-subj',
    `/CN=${name}`,
    '-days',
    '30',
    ...extra,
  );
  return { keyFile, certificateFile };
}

/** Creates a key (EC P-256) and a self-signed certificate that is valid between two times (epoch milliseconds). */
export function makeDated(
  folder: string,
  name: string,
  fromMs: number,
  toMs: number,
): { keyFile: string; certificateFile: string } {
  const { keyFile, certificateFile } = makeSelfSigned(folder, name);
  const at = (file: string) => join(folder, `${name}-${file}`);
  const config = [
    '[ca]\ndefault_ca = all\n[all]\npolicy = any\nrand_serial = yes\ndefault_md = sha256',
    `database = ${at('index')}\nnew_certs_dir = ${folder}\n[any]\ncommonName = supplied\n`,
  ].join('\n');
  writeFileSync(at('index'), '');
  writeFileSync(at('config'), config);
  const date = (ms: number) => new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  openssl('req', '-new', '-key', keyFile, '-subj', `/CN=${name}`, '-out', at('csr'));
  openssl(
    ...['ca', '-batch', '-selfsign', '-notext', '-config', at('config'), '-keyfile', keyFile],
    ...['-startdate', date(fromMs), '-enddate', date(toMs)],
    ...['-in', at('csr'), '-out', certificateFile],
  );
  return { keyFile, certificateFile };
}
