import { CredentialHelperError } from '../../errors.ts';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { excerpt } from '../../text.ts';
import { timedOut } from '../../tls/wire-error.ts';
import { TunnelAgent } from './tunnel-agent.ts';

/** Whose credentials they are, according to AWS STS. */
export interface CallerIdentity {
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
}

/** A failed request is repeated once. */
const ATTEMPTS = 2;

/**
 * Asks AWS STS whose credentials these are (`GetCallerIdentity`, which requires no permission). The AWS SDK is loaded for
 * it, and finds the endpoint as always: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, a profile, else the one of the region.
 *
 * @param timeoutMs - timeout of all attempts together, in milliseconds
 * @param proxy - the option `proxy` of the session
 * @throws {@link CredentialHelperError} (as a rejection) `ERR_STS_UNREACHABLE`, `ERR_STS_REFUSED`
 */
export async function askCallerIdentity(
  region: string,
  credentials: TemporaryCredentials,
  timeoutMs: number,
  proxy: unknown,
): Promise<CallerIdentity> {
  // The user of this package cannot update the SDK in it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const { STSClient, GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = new STSClient({
    region,
    credentials,
    maxAttempts: ATTEMPTS,
    requestHandler: { httpsAgent: new TunnelAgent(proxy, timeoutMs) },
  });
  // The timeouts of the SDK do not include the TLS handshake through a proxy, and its request timeout only warns.
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  let host = `sts.${region}`;
  client.middlewareStack.add(
    (next) => (args) => {
      const { hostname, port } = args.request as {
        readonly hostname: string;
        readonly port?: number;
      };
      host = port === undefined ? hostname : `${hostname}:${port}`;
      return next(args);
    },
    // Here the request has its endpoint, which is for messages.
    { step: 'finalizeRequest' },
  );
  try {
    const { Account, Arn, UserId } = await client.send(new GetCallerIdentityCommand({}), {
      abortSignal: deadline.signal,
    });
    if (Account && Arn && UserId) return { account: Account, arn: Arn, userId: UserId };
  } catch (error) {
    if (!deadline.signal.aborted) throw explain(error, host);
    const { what, hint } = timedOut(timeoutMs, 'waiting for the response');
    throw noAnswer(host, what, error, hint);
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
  throw notSts(host, 'without an identity');
}

/** What is read of an error of the AWS SDK, or of Node.js. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** Of an answer of AWS STS that could be read. */
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly Error?: { readonly Code?: string };
}

function explain(cause: unknown, host: string): CredentialHelperError {
  const error = cause as SdkError;
  const { name, message, code, $metadata: { httpStatusCode, requestId } = {} } = error;
  if (httpStatusCode === undefined) {
    return noAnswer(host, excerpt(message === '' ? (code ?? name) : message), cause);
  }
  const isOfSts = error.Error?.Code !== undefined;
  if (!isOfSts) return notSts(host, `HTTP ${httpStatusCode}`, cause);
  const answer = `HTTP ${httpStatusCode}, ${name}: ${excerpt(message)}`;
  if (error.$fault === 'server') return noAnswer(host, answer, cause);
  return new CredentialHelperError(`AWS STS at ${host} refused the credentials: ${answer}`, {
    code: 'ERR_STS_REFUSED',
    cause,
    httpStatus: httpStatusCode,
    requestId,
  });
}

function noAnswer(host: string, what: string, cause?: unknown, hint?: string) {
  const message = `no answer from AWS STS at ${host}: ${what}`;
  return new CredentialHelperError(message, { code: 'ERR_STS_UNREACHABLE', cause, hint });
}

function notSts(host: string, what: string, cause?: unknown) {
  const hint = 'a captive portal, a proxy or another server may have answered';
  return noAnswer(host, `the response is not one of AWS STS (${what})`, cause, hint);
}
