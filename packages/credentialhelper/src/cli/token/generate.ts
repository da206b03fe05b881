import { existsSync, writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { CredentialHelperError } from '../../errors.ts';
import { formatPkcs11Uri } from '../../identity/pkcs11-uri.ts';
import { createCsr } from '../../token/csr.ts';
import { type Generated, generateKey, KEY_TYPES, type KeyType } from '../../token/generate.ts';
import { NOT_RESTRICTED } from '../../token/key-objects.ts';
import { proveKey } from '../../token/prove.ts';
import type { TokenSession } from '../../token/session.ts';
import { signMessage } from '../../token/sign.ts';
import { commonName, parseSubject, subjectName } from '../../token/subject.ts';
import { workerAction } from '../action.ts';
import { createdPath } from '../file-path.ts';
import type { Result } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { UsageError } from '../usage-error.ts';
import { warn, withToken } from './connect.ts';
import { parseId } from './id.ts';
import { addTokenOptions, readTarget, requireModule, type TokenFlags } from './options.ts';

interface GenerateFlags extends TokenFlags {
  readonly id?: Buffer;
  readonly keyType: KeyType;
  readonly csr?: string;
  readonly subject?: string;
}

/** Defines `token generate`. */
export function defineGenerate(command: Command): void {
  addTokenOptions(command)
    .description(
      'Generate a key pair in a token; the private key never leaves it. With --csr, also write a certificate signing request for it.',
    )
    .option('--label <label>', 'label of the key pair')
    .addOption(new Option('--key-type <type>', 'key type').choices(KEY_TYPES).default('p256'))
    .option('--id <hex>', 'id of the key pair; default: 16 random bytes', parseId)
    .option('--csr <file>', 'where to write a certificate signing request (PKCS #10, PEM)')
    .option('--subject <name>', 'its subject, such as CN=my-thing,O=Example; default: CN=LABEL')
    .addHelpText(
      'after',
      `
AWS IoT issues the certificate (CreateCertificateFromCsr); "token import --certificate" stores it beside the key.

Examples:
  awsiot-credentialhelper token generate --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label thing-key --csr thing.csr
  aws iot create-certificate-from-csr --certificate-signing-request file://thing.csr --set-as-active \\
    --query certificatePem --output text > thing-cert.pem
  awsiot-credentialhelper token import --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label thing-key --certificate thing-cert.pem
${EXIT_STATUS_HELP}`,
    )
    .action(workerAction(generate));
}

async function generate(flags: GenerateFlags): Promise<Result> {
  const target = readTarget(flags);
  const { library: modulePath } = requireModule(target);
  const label = flags.label ?? target.match.object;
  if (!label) throw new UsageError('the key needs a label: --label LABEL');
  if (flags.subject !== undefined && flags.csr === undefined) {
    throw new UsageError(
      '--subject is for the certificate signing request that --csr FILE writes',
      {
        hint: 'pass --csr FILE too, or leave out --subject',
      },
    );
  }
  const subject = flags.subject === undefined ? commonName(label) : parseSubject(flags.subject);
  const csrFile = flags.csr === undefined ? undefined : createdPath(flags.csr, '--csr');
  if (csrFile !== undefined && existsSync(csrFile))
    throw csrUnwritable(csrFile, 'it is there already');

  const { key, name, signsOnly } = await withToken(target, 'write', (session) =>
    generateKey(
      session,
      {
        keyType: flags.keyType,
        label,
        id: flags.id ?? (target.match.id && Buffer.from(target.match.id)),
      },
      (generated) => {
        prove(session, generated);
        if (csrFile !== undefined) writeCsr(csrFile, request(session, generated, subject));
        return generated;
      },
    ),
  );
  if (!signsOnly) warn(NOT_RESTRICTED);
  const uri = formatPkcs11Uri({ ...key.attributes, modulePath });
  const id = name.id.toString('hex');
  return {
    lines: [
      `generated a key pair (${flags.keyType}) with the label "${label}" and the id ${id}; verified with a test signature`,
      uri,
      ...(csrFile === undefined ? [] : [`wrote the certificate signing request ${csrFile}`]),
    ],
    json: { label, id, keyType: flags.keyType, privateKey: uri, csr: csrFile ?? null },
  };
}

function prove(session: TokenSession, { key, publicKey }: Generated): void {
  if (proveKey(session, key).isMadeBy(publicKey)) return;
  throw new CredentialHelperError(
    `${session.context.token} generated a key pair whose signatures do not match its public key`,
    {
      code: 'ERR_PKCS11',
      hint: 'the key pair was deleted; the token or its library is defective',
    },
  );
}

function request(
  session: TokenSession,
  { key, publicKey }: Generated,
  subject: ReturnType<typeof parseSubject>,
): string {
  return createCsr(subjectName(subject), publicKey, (hash, message) =>
    signMessage(session, key, hash, message),
  );
}

function writeCsr(file: string, pem: string): void {
  try {
    writeFileSync(file, pem, { flag: 'wx' });
  } catch (cause) {
    throw csrUnwritable(file, (cause as Error).message, cause);
  }
}

function csrUnwritable(file: string, reason: string, cause?: unknown): CredentialHelperError {
  return new CredentialHelperError(`cannot write ${file}: ${reason}`, {
    code: 'ERR_FILE_UNWRITABLE',
    cause,
    hint: 'pass another path as --csr; the key pair was deleted from the token',
  });
}
