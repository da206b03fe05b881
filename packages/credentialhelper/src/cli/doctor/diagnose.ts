import type { X509Certificate } from 'node:crypto';
import { certificateId } from '../../identity/certificate.ts';
import { isPem } from '../../identity/pem.ts';
import type { Source } from '../../identity/read-source.ts';
import {
  DEFAULT_TIMEOUT_MS,
  type FileKeySettings,
  type TokenKeySettings,
} from '../../options/options.ts';
import type { Layer } from '../../settings/layer.ts';
import { certificateFinding, testCertificate, testKeyFile } from './certificate.ts';
import {
  type Attempt,
  clockFinding,
  credentialsFinding,
  identityFinding,
  tryExchange,
} from './exchange.ts';
import { type Finding, failedWith, type Step, skipped } from './finding.ts';
import { testNetwork } from './network.ts';
import type { DeviceNames } from './service.ts';
import {
  type CheckedSettings,
  checkSettings,
  endpointFinding,
  settingsFinding,
  stepOf,
  type ValidSettings,
} from './settings.ts';
import { loginFindings, pinWithoutLogin, testToken } from './token.ts';
import type { NetworkResult } from './wire.ts';

/**
 * Walks from the settings to the identity of the credentials, one finding for each step. After a broken step, those that
 * depend on it are skipped, and the others are tested nevertheless: the network and the identity of the device do not
 * depend on each other.
 *
 * @param testing - called before each step that may take a while
 */
export async function* diagnose(
  found: Layer,
  testing: (step: Step) => void,
): AsyncGenerator<Finding> {
  const run = new Run(found, testing);
  yield settingsFinding(found, run.checked);
  const endpoint = endpointFinding(run.checked);
  yield endpoint;
  const network = yield* run.network();
  const attempt = yield* run.identity(network);
  yield* run.service(network, attempt);
}

/** One run, with what the steps have in common. */
class Run {
  readonly checked: CheckedSettings;
  readonly #warnings: string[] = [];
  readonly #timeoutMs: number;
  readonly #testing: (step: Step) => void;

  constructor(found: Layer, testing: (step: Step) => void) {
    this.#testing = testing;
    this.checked = checkSettings(found, (text) => this.#warnings.push(text));
    this.#timeoutMs = this.checked.all?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  async *network(): AsyncGenerator<Finding, NetworkResult> {
    const { endpoint, ca, proxy, verifyPeer } = this.checked;
    if ('value' in endpoint) {
      const timeoutMs = this.#timeoutMs;
      const route = { endpoint: endpoint.value, ca, proxy, verifyPeer, timeoutMs };
      return yield* testNetwork(route, this.#testing);
    }
    for (const step of ['dns', 'connection', 'server'] as const) {
      yield skipped(step, 'not tested: there is no endpoint');
    }
    return { works: false, skewMs: undefined };
  }

  /** Tests certificate and key; the one login to a token is that of a request for credentials. */
  async *identity(network: NetworkResult): AsyncGenerator<Finding, Attempt | undefined> {
    const { certificate, key } = this.checked;
    this.#testing('certificate');
    if ('error' in certificate) yield failedWith('certificate', certificate.error);
    if ('value' in key) {
      if (key.value.kind === 'token') return yield* this.#token(key.value, network);
      return yield* this.#files(key.value, network);
    }
    if ('error' in certificate) {
      yield skipped('key', 'not tested: there is no certificate');
      return undefined;
    }
    if (certificate.value !== undefined) {
      yield (await testCertificate(certificate.value, this.#timeoutMs, timeOf(network))).finding;
    }
    yield failedWith(stepOf(key.error, 'key'), key.error);
    return undefined;
  }

  async *#files(
    key: FileKeySettings,
    network: NetworkResult,
  ): AsyncGenerator<Finding, Attempt | undefined> {
    const { finding, certificates } = await testCertificate(
      key.certificate,
      this.#timeoutMs,
      timeOf(network),
    );
    yield finding;
    this.#testing('key');
    const ofKey = await testKeyFile(key, certificates, this.#timeoutMs, this.#warnings);
    yield ofKey;
    const works = [finding, ofKey].every(({ status }) => status !== 'failed') && network.works;
    const { all } = this.checked;
    this.#testing('credentials');
    return works && all !== undefined ? tryExchange(all, () => {}) : undefined;
  }

  async *#token(
    key: TokenKeySettings,
    network: NetworkResult,
  ): AsyncGenerator<Finding, Attempt | undefined> {
    const nowMs = timeOf(network);
    let isBroken = false;
    if ('source' in key.certificate) {
      const { finding } = await testCertificate(key.certificate.source, this.#timeoutMs, nowMs);
      yield finding;
      isBroken = finding.status === 'failed';
    }
    this.#testing('module');
    const found = yield* testToken(key.token, this.#timeoutMs);
    const { all, pinProblem } = this.checked;
    if (found === undefined || isBroken || all === undefined) {
      const why = this.#whyNoLogin(found !== undefined, isBroken);
      if (pinProblem !== undefined) yield failedWith('pin', pinProblem);
      else yield pinWithoutLogin(found?.token, why);
      yield skipped('key', `not tested: ${why}`);
      return undefined;
    }
    this.#testing('pin');
    const attempt = await tryExchange(all, (text) => this.#warnings.push(text));
    const hasCertificateFile = 'source' in key.certificate;
    const warnings = this.#warnings;
    yield* loginFindings(found, key.token, { ...attempt, warnings, hasCertificateFile });
    if ('match' in key.certificate && attempt.certificate !== undefined) {
      yield certificateFinding(attempt.certificate, [attempt.certificate], nowMs);
    }
    return attempt.certificate === undefined ? undefined : attempt;
  }

  #whyNoLogin(isFound: boolean, isBroken: boolean): string {
    if (!isFound) return 'the token was not found';
    if (isBroken) return 'the certificate cannot be used';
    return this.checked.pinProblem === undefined
      ? 'the settings are not valid'
      : 'there was no login';
  }

  async *service(network: NetworkResult, attempt: Attempt | undefined): AsyncGenerator<Finding> {
    const { all } = this.checked;
    yield clockFinding(attempt?.skewMs ?? network.skewMs);
    if (attempt === undefined || all === undefined || !network.works) {
      yield skipped('credentials', 'not requested: an earlier step failed');
      yield skipped('identity', 'not tested: there are no credentials');
      return;
    }
    this.#testing('identity');
    yield credentialsFinding(attempt, all, namesOf(all, attempt.certificate));
    yield await identityFinding(attempt, all);
  }
}

/** The time by the clock of the server, if it is known, in epoch milliseconds. */
function timeOf({ skewMs }: NetworkResult): number {
  return Date.now() - (skewMs ?? 0);
}

function namesOf(
  { region, roleAlias, thingName, key }: ValidSettings,
  certificate: X509Certificate | undefined,
): DeviceNames | undefined {
  if (certificate === undefined) return undefined;
  const source: Source | undefined =
    key.kind === 'file'
      ? key.certificate
      : 'source' in key.certificate
        ? key.certificate.source
        : undefined;
  return {
    region: region.name,
    roleAlias,
    thingName,
    certificateId: certificateId(certificate),
    certificateFile: typeof source === 'string' && !isPem(source) ? source : undefined,
  };
}
