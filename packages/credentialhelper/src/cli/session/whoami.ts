import type { Command } from 'commander';
import { checkOptions } from '../../options/options.ts';
import { action } from '../action.ts';
import type { Result } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { showWaiting } from '../waiting.ts';
import { askCallerIdentity } from './caller-identity.ts';
import { type SessionFlags, sessionOptions } from './flags.ts';
import { firstCredentials, openSource, withRegion } from './open.ts';
import { addSessionOptions } from './options.ts';

/** Defines `whoami`. */
export function defineWhoami(command: Command): void {
  addSessionOptions(command)
    .description(
      'Print the identity of the credentials: account, ARN and user id, as AWS STS knows them (GetCallerIdentity, which requires no permission). AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL name another endpoint.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper whoami --profile my-thing
  awsiot-credentialhelper whoami --greengrass --json
${EXIT_STATUS_HELP}`,
    )
    .action(action(whoami));
}

async function whoami(flags: SessionFlags): Promise<Result> {
  const init = await sessionOptions(flags);
  const settings = withRegion(checkOptions(init));
  const source = await openSource(settings);
  const credentials = await firstCredentials(source, settings);
  const identity = await showWaiting(
    askCallerIdentity(settings.region.name, credentials, settings.timeoutMs, init.proxy),
    () => 'waiting for AWS STS …',
  );
  return {
    lines: [`account: ${identity.account}`, `ARN: ${identity.arn}`, `user id: ${identity.userId}`],
    json: identity,
  };
}
