import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSelfSigned, openssl } from './openssl.ts';

/** A format of a key or certificate, and its text. */
export type TakenForm = readonly [name: string, text: string];

/** A file that is not a key, its name in the error, and the hint. */
export type RefusedForm = readonly [name: string, file: () => string, what: RegExp, hint: RegExp];

/** A device's key and certificate in many formats, and files that are not keys. */
export interface Forms {
  readonly keyFile: string;
  readonly certificateFile: string;
  readonly keys: readonly TakenForm[];
  readonly certificates: readonly TakenForm[];
  readonly refused: readonly RefusedForm[];
  /** Writes a file for one of them, and returns its path. */
  write(name: string, content: string | Uint8Array): string;
}

/** Creates an EC key with its certificate, and all formats of them. */
export function makeForms(folder: string): Forms {
  const device = makeSelfSigned(folder, 'device', 'EC P-256');
  const write = (name: string, content: string | Uint8Array) => {
    const file = join(folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const keyPem = readFileSync(device.keyFile, 'utf8');
  const keyDer = openssl('pkcs8', '-topk8', '-nocrypt', '-in', device.keyFile, '-outform', 'DER');
  const certificatePem = readFileSync(device.certificateFile, 'utf8');
  const certificateDer = openssl('x509', '-in', device.certificateFile, '-outform', 'DER');
  return {
    ...device,
    write,
    keys: formsOf(keyPem, keyDer),
    certificates: formsOf(certificatePem, certificateDer),
    refused: refusedForms(folder, device, write),
  };
}

function formsOf(pem: string, der: Buffer): readonly TakenForm[] {
  return [
    ['as PEM', pem],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(pem))],
    ['in one line', pem.replaceAll('\n', ' ').trim()],
    ['with line ends that are written out', pem.replaceAll('\n', '\\n')],
    ['with CRLF that is written out', pem.replaceAll('\n', '\\r\\n')],
    ['as a JSON string', JSON.stringify(pem)],
    ['indented', pem.replaceAll(/^/gm, '    ')],
    ['with CR alone', pem.replaceAll('\n', '\r')],
    ['after a byte order mark', `\ufeff${pem}`],
    ['as base64 of DER', der.toString('base64')],
    ['as base64 of DER in lines', der.toString('base64').replaceAll(/.{64}/g, '$&\n')],
    ['as base64url of DER', der.toString('base64url')],
    ['as base64 of PEM', Buffer.from(pem).toString('base64')],
  ];
}

function refusedForms(
  folder: string,
  device: Pick<Forms, 'keyFile' | 'certificateFile'>,
  write: Forms['write'],
): readonly RefusedForm[] {
  const make = (name: string, ...args: string[]) => {
    openssl(...args, '-out', join(folder, name));
    return join(folder, name);
  };
  const keyPem = readFileSync(device.keyFile, 'utf8');
  const p12 = ['-passout', 'pass:x', '-inkey', device.keyFile, '-in', device.certificateFile];
  const openSsh = () => {
    const file = join(folder, 'ssh');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', file]);
    return file;
  };
  return [
    [
      'a PKCS #12 file',
      () => make('a.p12', 'pkcs12', '-export', ...p12),
      /PKCS #12/,
      /openssl pkcs12/,
    ],
    ['an OpenSSH key', openSsh, /OpenSSH/, /ssh-keygen -p -m PEM/],
    ['an OpenSSH public key', () => `${join(folder, 'ssh')}.pub`, /OpenSSH public key/, /private/],
    ['a PuTTY key', () => write('a.ppk', 'PuTTY-User-Key-File-3: ssh-rsa\n'), /PuTTY/, /puttygen/],
    [
      'a Java keystore',
      () => write('a.jks', Buffer.from('feedfeed00000002', 'hex')),
      /Java/,
      /keytool/,
    ],
    [
      'a TSS2 key',
      () => write('tss', '-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----'),
      /TPM/,
      /token generate/,
    ],
    [
      'PKCS #7',
      () => make('a.p7', 'crl2pkcs7', '-nocrl', '-certfile', device.certificateFile),
      /PKCS #7/,
      /openssl pkcs7/,
    ],
    [
      'PKCS #7 in DER',
      () =>
        make('b.p7', 'crl2pkcs7', '-nocrl', '-certfile', device.certificateFile, '-outform', 'DER'),
      /PKCS #7/,
      /-inform DER/,
    ],
    [
      'a public key',
      () => make('pub', 'pkey', '-in', device.keyFile, '-pubout'),
      /public key/,
      /private/,
    ],
    [
      'a request',
      () => make('csr', 'req', '-new', '-key', device.keyFile, '-subj', '/CN=x'),
      /signing request/,
      /issued/,
    ],
    ['a certificate', () => device.certificateFile, /certificate/, /swapped/],
    [
      'an answer of the AWS CLI',
      () => write('aws', JSON.stringify({ certificateArn: 'x', keyPair: {} })),
      /AWS CLI/,
      /private-key-outfile/,
    ],
    ['a JSON Web Key', () => write('jwk', '{"kty":"EC","d":"secret"}'), /JSON Web Key/, /PEM/],
    ['JSON', () => write('json', '{"a":1}'), /is JSON/, /PEM/],
    ['an empty file', () => write('empty', ''), /is empty/, /completely/],
    ['blanks', () => write('blanks', ' \n\n'), /only whitespace/, /completely/],
    ['gzip', () => write('gz', Buffer.from('1f8b0800', 'hex')), /gzip/, /gunzip/],
    ['HTML', () => write('html', '<!DOCTYPE html><p>Sign in'), /HTML/, /PEM or DER/],
    ['an ARN', () => write('arn', 'arn:aws:iot:eu-west-1:1:cert/0'), /ARN/, /PEM or DER/],
    [
      'DER of a certificate',
      () => make('c.der', 'x509', '-in', device.certificateFile, '-outform', 'DER'),
      /holds a certificate/,
      /swapped/,
    ],
    [
      'DER of a public key',
      () => make('p.der', 'pkey', '-in', device.keyFile, '-pubout', '-outform', 'DER'),
      /public key/,
      /private/,
    ],
    [
      'a revocation list',
      () => write('crl', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----'),
      /revocation/,
      /certificate/,
    ],
    ['a key cut short', () => write('cut', keyPem.slice(0, 120)), /truncated/, /again/],
    [
      'parameters alone',
      () => make('par', 'ecparam', '-name', 'prime256v1'),
      /parameters/,
      /BEGIN/,
    ],
  ];
}
