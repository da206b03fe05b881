import { isCutShort, isPem, pemBlocks } from './pem.ts';

/** The format of data that is not the expected one. */
export interface Kind {
  /** As a clause: `is a PKCS #12 file`. */
  readonly what: string;
  /** What to do. */
  readonly hint: string;
}

const KEYS = 'a private key in PEM format begins with a line such as -----BEGIN PRIVATE KEY-----';

const PEM_WANTED = 'pass a certificate or key in PEM or DER format';

/** A public key instead of the expected data. */
export const PUBLIC_KEY: Kind = {
  what: 'holds a public key',
  hint: 'pass the private key that belongs to it',
};

/** A certificate instead of the expected data. */
export const CERTIFICATE: Kind = {
  what: 'holds a certificate',
  hint: 'it holds a certificate: are certificate and key swapped?',
};

const PKCS12: Kind = {
  what: 'is a PKCS #12 file (.p12, .pfx)',
  hint: 'openssl pkcs12 -in FILE -nodes -nocerts -out key.pem; for the certificate: openssl pkcs12 -in FILE -nokeys -out certificate.pem; with -legacy where openssl says "unsupported"',
};

/** Kinds of PEM blocks by text in their label; the first match counts. */
const LABELS: readonly (readonly [label: RegExp, kind: Kind])[] = [
  [
    /^OPENSSH PRIVATE KEY$/,
    {
      what: 'holds a private key in OpenSSH format',
      hint: 'convert a copy of it: ssh-keygen -p -m PEM -N "" -f COPY',
    },
  ],
  [
    /^TSS2 PRIVATE KEY$/,
    {
      what: 'holds a key that only the TPM which made it can use (TSS2)',
      hint: 'use the TPM as a token, with a key made in it: awsiot-credentialhelper token generate',
    },
  ],
  [/^(RSA )?PUBLIC KEY$/, PUBLIC_KEY],
  [/^PKCS12$/, PKCS12],
  [/CRL$/, { what: 'holds a certificate revocation list', hint: 'pass the certificate' }],
  [/^PGP /, { what: 'holds a PGP key or message', hint: PEM_WANTED }],
  [/^SSH2 /, { what: 'is an SSH public key', hint: 'pass the private key that belongs to it' }],
  [
    /CERTIFICATE REQUEST$/,
    {
      what: 'holds a certificate signing request',
      hint: 'pass the certificate that was issued for it: aws iot create-certificate-from-csr prints one',
    },
  ],
  [
    /^(PKCS7|CMS)$/,
    {
      what: 'holds certificates in PKCS #7 format',
      hint: 'openssl pkcs7 -print_certs -in FILE -out certificate.pem',
    },
  ],
  [/^ANY PRIVATE KEY$/, { what: 'holds a private key of an unknown format', hint: KEYS }],
  [
    /PRIVATE KEY$/,
    {
      what: 'holds a private key',
      hint: 'it holds a private key: are certificate and key swapped?',
    },
  ],
  [/CERTIFICATE$/, CERTIFICATE],
  [/^(EC|DSA|DH|X9\.42 DH) PARAMETERS$/, { what: 'holds key parameters and no key', hint: KEYS }],
];

/** The start of a DER sequence, in hexadecimal digits. */
const SEQUENCE = '^30(?:[0-7].|81..|82....|83......|80)';

/** Kinds of binary files, by their first bytes, in hexadecimal digits. */
const BEGINNINGS: readonly (readonly [begins: RegExp, kind: Kind])[] = [
  [
    // Its first member is the version 3 (RFC 7292, section 4).
    new RegExp(`${SEQUENCE}02010330`),
    PKCS12,
  ],
  [
    // The object identifier of signed data (RFC 2315, section 14).
    new RegExp(`${SEQUENCE}06092a864886f70d010702`),
    {
      what: 'holds certificates in PKCS #7 format',
      hint: 'openssl pkcs7 -inform DER -print_certs -in FILE -out certificate.pem',
    },
  ],
  [
    /^feedfeed|^cececece|^0000000[12]00000014/,
    {
      what: 'is a Java keystore',
      hint: 'keytool -importkeystore -srckeystore FILE -destkeystore store.p12 -deststoretype pkcs12, then openssl pkcs12 -in store.p12 -nodes -nocerts -out key.pem',
    },
  ],
  [/^1f8b/, { what: 'is compressed (gzip)', hint: 'gunzip it' }],
  [/^504b0304/, { what: 'is an archive (zip)', hint: 'extract it' }],
];

/** Text formats that contain or reference other data. */
const WRAPPED: readonly (readonly [text: RegExp, kind: Kind])[] = [
  [/^age-encryption\.org|^-----BEGIN AGE/, { what: 'is encrypted (age)', hint: 'decrypt it' }],
  [
    /^\$ANSIBLE_VAULT/,
    { what: 'is encrypted (Ansible Vault)', hint: 'ansible-vault decrypt FILE' },
  ],
  [/^version https:\/\/git-lfs/, { what: 'is a Git LFS pointer', hint: 'git lfs pull' }],
  [/^\s*(?:<!doctype html|<html)/i, { what: 'is an HTML page', hint: PEM_WANTED }],
  [/^\s*<(?:\?xml|RSAKeyValue)/i, { what: 'is XML', hint: PEM_WANTED }],
  [/^\s*arn:[a-z-]+:/, { what: 'is an ARN', hint: PEM_WANTED }],
  [
    /^\s*(?:30[0-9a-f]{2}:?)(?:[0-9a-f]{2}:?\s*){20}/i,
    { what: 'is hexadecimal text', hint: 'xxd -r -p FILE >key.der' },
  ],
];

/** Text formats other than PEM. */
const TEXTS: readonly (readonly [text: RegExp, kind: Kind])[] = [
  [
    /^\s*PuTTY-User-Key-File/,
    {
      what: 'is a PuTTY key',
      hint: 'puttygen FILE -O private-openssh -o key.pem, then ssh-keygen -p -m PEM -N "" -f key.pem',
    },
  ],
  [
    /^(ssh-rsa|ssh-ed25519|ecdsa-sha2-\S+) /,
    { what: 'is an OpenSSH public key', hint: 'pass the private key that belongs to it' },
  ],
  [
    /^\s*\{.*"(?:keyPair|certificatePem|certificateArn)"/s,
    {
      what: 'is output of the AWS CLI',
      hint: 'aws iot create-keys-and-certificate writes files with --certificate-pem-outfile and --private-key-outfile',
    },
  ],
  [
    /^\s*\{.*"kty"/s,
    {
      what: 'is a JSON Web Key',
      hint: 'convert it to PEM: node -p \'crypto.createPrivateKey({ key: JSON.parse(fs.readFileSync("FILE")), format: "jwk" }).export({ type: "pkcs8", format: "pem" })\'',
    },
  ],
  [
    /^\s*[{[]/,
    { what: 'is JSON', hint: 'pass the certificate or key itself, in PEM or DER format' },
  ],
];

/**
 * Detects the format of data that is not the expected one.
 *
 * @returns undefined for an unknown format
 */
export function kindOfBytes(bytes: Uint8Array): Kind | undefined {
  if (bytes.length === 0) return { what: 'is empty', hint: 'was it written completely?' };
  const text = Buffer.from(bytes).toString('latin1');
  if (/^\s*$/.test(text))
    return { what: 'contains only whitespace', hint: 'was it written completely?' };
  const hex = Buffer.from(bytes.subarray(0, 32)).toString('hex');
  const binary = BEGINNINGS.find(([begins]) => begins.test(hex));
  const other =
    binary ?? [...WRAPPED, ...TEXTS].find(([pattern]) => pattern.test(text.replace(/^ï»¿/, '')));
  // Output of the AWS CLI contains PEM with escaped line breaks.
  if (other !== undefined && (binary !== undefined || !isPem(text) || /^\s*\{/.test(text))) {
    return other[1];
  }
  const labels = pemBlocks(text).map(({ label }) => label);
  for (const [pattern, kind] of LABELS)
    if (labels.some((label) => pattern.test(label))) return kind;
  return isCutShort(text)
    ? { what: 'is truncated: a PEM block has no END line', hint: 'copy the whole file again' }
    : undefined;
}
