import type { Command } from 'commander';
import { readCertificates } from '../../identity/certificate.ts';
import { formatPkcs11Uri } from '../../identity/pkcs11-uri.ts';
import { findPrivateKey } from '../../token/find.ts';
import { type SignatureTrial, type Verification, verifyKey } from '../../token/verify.ts';
import { workerAction } from '../action.ts';
import { printLine, type Result } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { withToken } from './connect.ts';
import {
  addTokenOptions,
  filePath,
  readTarget,
  requireModule,
  type TokenFlags,
} from './options.ts';

interface VerifyFlags extends TokenFlags {
  readonly label?: string;
  readonly certificate?: string;
}

/** Defines `token verify`. */
export function defineVerify(command: Command): void {
  addTokenOptions(command)
    .description(
      'Try out a private key in a token: does it belong to its certificate, does it sign as TLS 1.2 and 1.3 want, how long does that take.',
    )
    .option('--label <label>', 'label of the key; default: the only one there is')
    .option('--certificate <file>', 'its certificate; default: the one in the token')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper token verify --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label thing-key
  awsiot-credentialhelper token verify --uri 'pkcs11:token=device;object=thing-key?module-name=softhsm2' \\
    --pin-file pin.txt --certificate thing-cert.pem
${EXIT_STATUS_HELP}
     A key that cannot serve TLS, or not with this certificate, is a failure.`,
    )
    .action(workerAction(verify));
}

async function verify(flags: VerifyFlags): Promise<Result> {
  const target = readTarget(flags);
  const modulePath = requireModule(target);
  const { object = flags.label, id } = target.match;
  const certificates =
    flags.certificate === undefined
      ? []
      : readCertificates(filePath(flags.certificate, '--certificate'), '--certificate');
  const { uri, where, result } = await withToken(target, { write: false }, ({ session, pin }) => {
    const match = { ...(object ? { object } : {}), ...(id ? { id } : {}) };
    const key = findPrivateKey(session, match);
    return {
      uri: formatPkcs11Uri({ ...key.attributes, modulePath }),
      where: session.context.token,
      result: verifyKey(session, key, certificates, pin),
    };
  });
  const verdict = judge(result);
  if (result.dateProblem !== undefined) printLine('warning', result.dateProblem);
  return {
    text: describe(uri, where, result, verdict.text),
    json: {
      privateKey: uri,
      certificate: result.certificate ?? null,
      belongs: result.belongs ?? null,
      dateProblem: result.dateProblem ?? null,
      signatures: result.signatures.map(({ reason, milliseconds, ...trial }) => ({
        ...trial,
        reason: reason ?? null,
        milliseconds: milliseconds ?? null,
      })),
      attributes: result.attributes,
      tls: verdict.tls,
      ok: verdict.ok,
      verdict: verdict.text,
    },
    status: verdict.ok ? 0 : 1,
  };
}

interface Verdict {
  readonly ok: boolean;
  readonly tls: readonly string[];
  readonly text: string;
}

function judge({ belongs, signatures, attributes, paddedByEngine }: Verification): Verdict {
  const tls = ['1.2', '1.3'].filter((version) =>
    signatures.some((trial) => trial.works && (trial.tls as readonly string[]).includes(version)),
  );
  if (belongs === false) {
    return {
      ok: false,
      tls,
      text: 'the key cannot serve TLS with this certificate: it belongs to another',
    };
  }
  if (tls.length === 0) {
    return {
      ok: false,
      tls,
      text: 'the key cannot serve TLS: it makes no signature that TLS asks for',
    };
  }
  if (attributes.alwaysAuthenticate === true) {
    return {
      ok: false,
      tls,
      text: 'the key cannot serve TLS: it wants the PIN for each signature, and what speaks TLS does not give it',
    };
  }
  const missing = tls.includes('1.3')
    ? ''
    : paddedByEngine
      ? '; for TLS 1.3 the OpenSSL engine has to make RSA-PSS from raw RSA, which was not tried'
      : ', not TLS 1.3, which wants RSA-PSS';
  const note = belongs === undefined ? '; there was no certificate to compare it with' : '';
  return { ok: true, tls, text: `the key can serve TLS ${tls.join(' and ')}${missing}${note}` };
}

function describe(
  uri: string,
  where: string | undefined,
  { belongs, certificate, signatures, attributes }: Verification,
  verdict: string,
): string {
  const origin = certificate?.from === 'token' ? 'in the token' : 'in the file';
  return [
    `private key of ${where}`,
    `  ${uri}`,
    certificate === undefined
      ? '  certificate: none given, and none in the token'
      : `  belongs to the ${certificate.description} ${origin}: ${yesNo(belongs)}`,
    ...signatures.map(describeTrial),
    `  sensitive: ${yesNo(attributes.sensitive)}, extractable: ${yesNo(attributes.extractable)}, wants the PIN for each signature: ${yesNo(attributes.alwaysAuthenticate)}`,
    verdict,
  ].join('\n');
}

function describeTrial({ scheme, tls, works, reason, milliseconds }: SignatureTrial): string {
  const use = `TLS ${tls.join(' and ')}`;
  return works
    ? `  signs ${scheme} (${use}): yes, ${milliseconds} ms per signature`
    : `  signs ${scheme} (${use}): no, ${reason}`;
}

function yesNo(value: boolean | undefined): string {
  return value === undefined ? 'not told' : value ? 'yes' : 'no';
}
