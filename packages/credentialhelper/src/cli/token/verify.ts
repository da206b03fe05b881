import type { Command } from 'commander';
import { readCertificates } from '../../identity/certificate.ts';
import { formatPkcs11Uri } from '../../identity/pkcs11-uri.ts';
import { type Handshake, type Verification, verifyKey } from '../../tls/verify.ts';
import { findPrivateKey } from '../../token/find-key.ts';
import { workerAction } from '../action.ts';
import { printLine, type Result } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { withToken } from './connect.ts';
import {
  addTokenOptions,
  openFile,
  readTarget,
  requireModule,
  type TokenFlags,
} from './options.ts';

interface VerifyFlags extends TokenFlags {
  readonly certificate?: string;
}

/** Defines `token verify`. */
export function defineVerify(command: Command): void {
  addTokenOptions(command)
    .description(
      'Test a private key in a token: does it belong to its certificate, do TLS 1.2 and TLS 1.3 handshakes succeed with it, how long does a signature take. The handshakes are with a server in this process.',
    )
    .option('--label <label>', 'label of the key; default: the only key')
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
     A key that cannot be used for TLS client authentication with this certificate is a failure.`,
    )
    .action(workerAction(verify));
}

async function verify(flags: VerifyFlags): Promise<Result> {
  const target = readTarget(flags);
  const { library: modulePath } = requireModule(target);
  const { object = flags.label, id } = target.match;
  const certificates =
    flags.certificate === undefined
      ? []
      : readCertificates(
          await openFile(flags.certificate, '--certificate', flags.timeoutMs),
          '--certificate',
        );
  const { uri, where, result } = await withToken(target, 'read', async (session) => {
    const match = { ...(object ? { object } : {}), ...(id ? { id } : {}) };
    const key = findPrivateKey(session, match);
    return {
      uri: formatPkcs11Uri({ ...key.attributes, modulePath }),
      where: session.context.token,
      result: await verifyKey(session, key, certificates),
    };
  });
  const verdict = judge(result);
  if (result.dateProblem !== undefined) printLine('warning', result.dateProblem);
  return {
    lines: describe(uri, where, result, verdict.text),
    json: {
      privateKey: uri,
      certificate: result.certificate ?? null,
      belongs: result.belongs ?? null,
      dateProblem: result.dateProblem ?? null,
      handshakes: result.handshakes.map(({ reason, signatureMs, ...handshake }) => ({
        ...handshake,
        reason: reason ?? null,
        signatureMs: signatureMs ?? null,
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

const USE = 'be used for TLS client authentication';

function judge({ belongs, handshakes }: Verification): Verdict {
  const tls = handshakes.filter(({ works }) => works).map((handshake) => handshake.tls);
  if (belongs === false) {
    const text = `the key cannot ${USE} with this certificate: it belongs to another`;
    return { ok: false, tls, text };
  }
  const failed = handshakes.find(({ works }) => !works);
  const reason = failed?.reason === undefined ? '' : `: ${failed.reason}`;
  if (tls.length === 0) return { ok: false, tls, text: `the key cannot ${USE}${reason}` };
  const missing = failed === undefined ? '' : `, not with TLS ${failed.tls}${reason}`;
  const note = belongs === undefined ? '; there was no certificate to compare it with' : '';
  return {
    ok: true,
    tls,
    text: `the key can ${USE} with TLS ${tls.join(' and ')}${missing}${note}`,
  };
}

function describe(
  uri: string,
  where: string | undefined,
  { belongs, certificate, handshakes, attributes }: Verification,
  verdict: string,
): readonly string[] {
  const origin = certificate?.from === 'token' ? 'in the token' : 'in the file';
  return [
    `private key of ${where}`,
    `  ${uri}`,
    certificate === undefined
      ? '  certificate: none passed, and none in the token'
      : `  belongs to the ${certificate.description} ${origin}: ${yesNo(belongs)}`,
    ...handshakes.map(describeHandshake),
    `  sensitive: ${yesNo(attributes.sensitive)}, extractable: ${yesNo(attributes.extractable)}, asks for the PIN at every signature: ${yesNo(attributes.alwaysAuthenticate)}`,
    verdict,
  ];
}

function describeHandshake({ tls, works, reason, signatureMs }: Handshake): string {
  return works
    ? `  TLS ${tls} handshake: yes, ${signatureMs} ms for the signature`
    : `  TLS ${tls} handshake: no, ${reason}`;
}

function yesNo(value: boolean | undefined): string {
  return value === undefined ? 'unknown' : value ? 'yes' : 'no';
}
