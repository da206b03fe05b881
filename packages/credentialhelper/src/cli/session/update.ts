import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { CredentialSource } from '../../credentials/source.ts';
import type { IotCoreCredentials } from '../../credentials/types.ts';
import { isCredentialHelperError } from '../../errors.ts';
import { clearTimeout, setImmediate, setTimeout } from '../../process/timers.ts';
import { printLine } from '../output.ts';
import { type Profile, ProfileFile } from '../profiles/profile-file.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { UsageError } from '../usage-error.ts';
import type { SessionFlags } from './flags.ts';
import { firstCredentials, openSource, readSettings, type SessionSettings } from './open.ts';
import { addSessionOptions } from './options.ts';

/** Defines `update`. */
export function defineUpdate(command: Command): void {
  addSessionOptions(command)
    .description(
      'Keep the credentials of a profile in ~/.aws/credentials (or AWS_SHARED_CREDENTIALS_FILE) fresh, for software that can use neither credential_process nor an endpoint. Runs until SIGTERM or SIGINT; failures are reported, and tried again.',
    )
    .option(
      '--credentials-profile <name>',
      'the profile to write; default: that of --profile, AWS_PROFILE, or default',
    )
    .option('--once', 'write the credentials once, and exit')
    .option('--force', 'replace credentials of the profile that are not temporary')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper update --profile my-thing
  awsiot-credentialhelper update --greengrass --credentials-profile device --once
${EXIT_STATUS_HELP}`,
    )
    .action(update);
}

async function update(flags: SessionFlags): Promise<void> {
  const settings = await readSettings(flags, {
    keepFresh: flags.once !== true,
    ...(process.env.AWS_IOT_LOG ? {} : { logger: WARNINGS }),
  });
  const name = String(
    flags.credentialsProfile ?? flags.profile ?? (process.env.AWS_PROFILE || 'default'),
  );
  const file = ProfileFile.of('credentials', process.env);
  file.check(name);
  const { [name]: present = {} } = await file.read();
  if (flags.force !== true) refusePermanent(present, name, file.path);
  warnOfReaders(file.path);
  const write = async (credentials: IotCoreCredentials) => {
    await file.write(name, (latest) => {
      if (flags.force !== true) refusePermanent(latest, name, file.path);
      return keysOf(credentials);
    });
    printLine(
      'info',
      `wrote profile "${name}" in ${file.path}, valid until ${credentials.expiration.toISOString()}`,
    );
  };
  const source = await openSource(settings);
  try {
    if (flags.once === true) await write(await firstCredentials(source, settings));
    else await keepWritten(source, settings, write);
  } finally {
    await source.close();
  }
}

/** The warnings of the session go to stderr, if the user sets no level. */
const WARNINGS = {
  debug: () => {},
  info: () => {},
  warn: (text: unknown) => printLine('warning', String(text)),
  error: () => {},
};

/** The time between two looks at the credentials, which also find that a certificate or key was replaced. */
const LOOK_MS = 30_000;

/** The time until the next try after a failure. */
const RETRY_MS = 5000;

/** Writes credentials whenever there are new ones, until a signal ends it. */
async function keepWritten(
  source: CredentialSource,
  settings: SessionSettings,
  write: (credentials: IotCoreCredentials) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  let isNew = false;
  let wake = () => {};
  const end = () => {
    ending.abort();
    wake();
  };
  const fetched = () => {
    // Afterwards the source has them.
    setImmediate(() => {
      isNew = true;
      wake();
    });
  };
  subscribe(FETCHED, fetched);
  process.on('SIGTERM', end).on('SIGINT', end);
  let written: string | undefined;
  let reported: string | undefined;
  try {
    while (!signal.aborted) {
      isNew = false;
      let waitMs = LOOK_MS;
      try {
        const credentials = await firstCredentials(source, settings, signal);
        if (credentials.sessionToken !== written) await write(credentials);
        written = credentials.sessionToken;
        reported = undefined;
      } catch (error) {
        if (signal.aborted) break;
        waitMs = RETRY_MS;
        reported = report(error, reported);
      }
      if (!isNew && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  } finally {
    unsubscribe(FETCHED, fetched);
    process.off('SIGTERM', end).off('SIGINT', end);
  }
}

/** The end of a request to the credential provider; this process has one source of credentials. */
const FETCHED = 'tracing:awsiot-credentialhelper:exchange:asyncEnd';

/** Reports a failure, once while it lasts. */
function report(error: unknown, reported: string | undefined): string {
  const { message } = error as Error;
  const kind = isCredentialHelperError(error) ? error.code : message;
  if (kind !== reported) printLine('error', `${message}; it is tried again`);
  return kind;
}

function keysOf({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: IotCoreCredentials): ReadonlyMap<string, string> {
  return new Map([
    ['aws_access_key_id', accessKeyId],
    ['aws_secret_access_key', secretAccessKey],
    ['aws_session_token', sessionToken],
  ]);
}

/** Refuses to replace the keys of an IAM user, which nobody can get back. */
function refusePermanent(present: Profile, name: string, file: string): void {
  const { aws_secret_access_key: secret, aws_session_token: token } = present;
  if (secret === undefined || token !== undefined) return;
  throw new UsageError(`profile "${name}" in ${file} has credentials that are not temporary`, {
    hint: 'name another profile with --credentials-profile, or replace them with --force',
  });
}

function warnOfReaders(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || process.getuid === undefined || (stats.mode & 0o077) === 0) return;
  printLine('warning', `${file} can be read by other users; restrict it with chmod 600`);
}
