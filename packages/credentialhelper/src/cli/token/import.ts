import type { KeyObject, X509Certificate } from 'node:crypto';
import type { Command } from 'commander';
import { isCredentialHelperError } from '../../errors.ts';
import { readCertificates } from '../../identity/certificate.ts';
import { keyKind } from '../../identity/key-kind.ts';
import { chainForKeyOf } from '../../identity/key-pair.ts';
import { formatPkcs11Uri, type Pkcs11Uri } from '../../identity/pkcs11-uri.ts';
import { readPrivateKey } from '../../identity/private-key.ts';
import { type Source, sourceName } from '../../identity/read-source.ts';
import { type Imported, importCertificate, importKey } from '../../token/import.ts';
import { NOT_RESTRICTED } from '../../token/key-objects.ts';
import { workerAction } from '../action.ts';
import { filePath } from '../file-path.ts';
import type { Result } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { UsageError } from '../usage-error.ts';
import { readSecretFile, warn, withToken } from './connect.ts';
import { parseId } from './id.ts';
import {
  addTokenOptions,
  openFile,
  readTarget,
  requireModule,
  type TokenFlags,
} from './options.ts';
import { openRemovable, type RemovableFile } from './removable-file.ts';

interface ImportFlags extends TokenFlags {
  readonly id?: Buffer;
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly certificate?: string;
  readonly deleteSource?: boolean;
}

/** Defines `token import`. */
export function defineImport(command: Command): void {
  addTokenOptions(command)
    .description(
      'Import a private key from a file into a token, as a non-extractable signing key, with its certificate; or a certificate for a key that is already in the token.',
    )
    .option(
      '--label <label>',
      'label of the key; for a certificate alone, if the token has several keys',
    )
    .option('--key <file>', 'the private key: PKCS#1, SEC1 or PKCS#8, encrypted or not, PEM or DER')
    .option(
      '--passphrase-file <file>',
      'file with the passphrase of an encrypted key; default: ask',
    )
    .option('--certificate <file>', 'its certificate, with the chain if any: PEM or DER')
    .option('--id <hex>', 'id of the key; default: the SHA-1 of its public key', parseId)
    .option(
      '--delete-source',
      "remove the file of --key after the token's test signature is verified",
    )
    .addHelpText(
      'after',
      `
A key whose label or id is in the token already is refused. If anything fails, nothing stays in the token and the file
stays where it is.

Examples:
  awsiot-credentialhelper token import --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label thing-key --key thing-key.pem --certificate thing-cert.pem --delete-source
  awsiot-credentialhelper token import --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label thing-key --certificate thing-cert.pem
${EXIT_STATUS_HELP}`,
    )
    .action(workerAction(runImport));
}

async function runImport(flags: ImportFlags): Promise<Result> {
  const target = readTarget(flags);
  requireModule(target);
  const label = flags.label ?? target.match.object;
  const id = flags.id ?? (target.match.id && Buffer.from(target.match.id));
  if (flags.key === undefined) refuseWithoutKey(flags);
  else if (!label) throw new UsageError('the key needs a label: --label LABEL');
  const { key, keyFile, certificates, removable } = await readFiles(flags);

  const imported = await withToken(target, 'write', (session) =>
    key === undefined
      ? importCertificate(session, { label, id, certificates })
      : importKey(session, { key, label: label ?? '', id, certificates }),
  );
  if (!imported.signsOnly) warn(NOT_RESTRICTED);
  removable?.remove();
  return describe(imported, target.library, key, removable && keyFile);
}

/** Reads key and certificates, and rejects, before the PIN prompt, what cannot be imported, or deleted afterwards. */
async function readFiles(flags: ImportFlags): Promise<{
  readonly key?: KeyObject;
  readonly keyFile?: string;
  readonly certificates: readonly X509Certificate[];
  readonly removable?: RemovableFile | undefined;
}> {
  if (flags.key === undefined) return { certificates: await readChain(flags) };
  const keyFile = filePath(flags.key, '--key');
  const source = await openFile(keyFile, '--key', flags.timeoutMs);
  const certificates = await readChain(flags, source);
  const removable = flags.deleteSource === true ? openRemovable(keyFile) : undefined;
  const key = await readKey(source, flags);
  if (certificates.length > 0) chainForKeyOf(source, key, certificates);
  removable?.check(key, certificates);
  return { key, keyFile, certificates, removable };
}

async function readChain({ certificate, timeoutMs }: ImportFlags, keySource?: Source) {
  if (certificate === undefined) return [];
  const source = await openFile(certificate, '--certificate', timeoutMs, keySource);
  return readCertificates(source, '--certificate');
}

function refuseWithoutKey({ certificate, deleteSource, passphraseFile }: ImportFlags): void {
  if (certificate === undefined) {
    throw new UsageError('nothing to import: pass --key FILE, --certificate FILE or both');
  }
  if (deleteSource)
    throw new UsageError('--delete-source is for the file of --key, which is not set');
  if (passphraseFile !== undefined) {
    throw new UsageError('--passphrase-file is for the file of --key, which is not set');
  }
}

async function readKey(
  source: Source,
  { passphraseFile, timeoutMs }: ImportFlags,
): Promise<KeyObject> {
  const option = '--key';
  if (passphraseFile !== undefined) {
    const path = filePath(passphraseFile, '--passphrase-file');
    return readPrivateKey(source, await readSecretFile(path, 'passphrase', timeoutMs), { option });
  }
  try {
    return readPrivateKey(source, undefined, { option });
  } catch (error) {
    if (!isCredentialHelperError(error) || error.code !== 'ERR_PASSPHRASE_REQUIRED') throw error;
    const otherwise = 'pass the passphrase in a file: --passphrase-file FILE';
    const question = `Passphrase of ${sourceName(source, option)}: `;
    return readPrivateKey(source, await askSecret(question, otherwise), { option });
  }
}

function describe(
  { key, name, certificates }: Imported,
  modulePath: string | undefined,
  imported: KeyObject | undefined,
  removed: string | undefined,
): Result {
  const module = modulePath === undefined ? {} : { modulePath };
  const uriOf = (type: 'private' | 'cert') =>
    formatPkcs11Uri({ ...key.attributes, ...module, type } satisfies Pkcs11Uri);
  const what = [
    ...(imported === undefined ? [] : [`a private key (${keyKind(imported).name})`]),
    ...(certificates === 0 ? [] : [`${certificates} certificate${certificates > 1 ? 's' : ''}`]),
  ].join(' and ');
  return {
    lines: [
      `imported ${what} with the label "${name.label}" and the id ${name.id.toString('hex')}; verified with a test signature`,
      uriOf('private'),
      ...(certificates === 0 ? [] : [uriOf('cert')]),
      ...(removed === undefined ? [] : [`removed ${removed}`]),
    ],
    json: {
      label: name.label,
      id: name.id.toString('hex'),
      privateKey: uriOf('private'),
      certificate: certificates === 0 ? null : uriOf('cert'),
      certificates,
      removed: removed ?? null,
    },
  };
}
