import { CredentialHelperError } from '../../errors.ts';
import type { TemporaryCredentials } from '../../exchange/exchange.ts';
import { excerpt } from '../../text.ts';
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
 * @param timeoutMs - timeout of an attempt, in milliseconds
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
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      httpsAgent: new TunnelAgent(proxy, timeoutMs),
    },
  });
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
    const {
      Account = '',
      Arn = '',
      UserId = '',
    } = await client.send(new GetCallerIdentityCommand({}));
    return { account: Account, arn: Arn, userId: UserId };
  } catch (error) {
    throw explain(error, host);
  } finally {
    client.destroy();
  }
}

/** What is read of an error of the AWS SDK, or of Node.js. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

function explain(cause: unknown, host: string): CredentialHelperError {
  const { name, message, code, $metadata: { httpStatusCode, requestId } = {} } = cause as SdkError;
  if (httpStatusCode === undefined) {
    const problem = message === '' ? (code ?? name) : message;
    return new CredentialHelperError(`no answer from AWS STS at ${host}: ${excerpt(problem)}`, {
      code: 'ERR_STS_UNREACHABLE',
      cause,
    });
  }
  return new CredentialHelperError(
    `AWS STS at ${host} refused the credentials: HTTP ${httpStatusCode}, ${name}: ${excerpt(message)}`,
    { code: 'ERR_STS_REFUSED', cause, httpStatus: httpStatusCode, requestId },
  );
}
