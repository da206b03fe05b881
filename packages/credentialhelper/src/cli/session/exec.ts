import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import { environmentOfOthers } from '../../process/program.ts';
import { printLine } from '../output.ts';
import { startContainerEndpoint } from '../serve/container-endpoint.ts';
import { refuseStdin, type SessionFlags } from './flags.ts';
import { firstCredentials, openSource, readSettings } from './open.ts';
import { addSessionOptions } from './options.ts';
import { warnOfPreferredProfile } from './preferred-profile.ts';
import { variablesOf } from './variables.ts';

/** Defines `exec`. */
export function defineExec(command: Command): void {
  addSessionOptions(command)
    .description(
      'Run a command with credentials that never expire: the AWS CLI and the AWS SDKs in it get them from an endpoint of this process (AWS_CONTAINER_CREDENTIALS_FULL_URI).',
    )
    .argument('<command...>', 'the command and its arguments, after --')
    .option(
      '--env',
      'pass the credentials themselves (AWS_ACCESS_KEY_ID, …), for software that cannot use an endpoint; they expire',
    )
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper exec --profile my-thing -- aws s3 ls
  awsiot-credentialhelper exec --greengrass -- python3 app.py
  awsiot-credentialhelper exec --profile my-thing --env -- s3cmd ls

Exit status:
  that of the command; 128 and the number of the signal that ended it
  1    there are no credentials; stderr says why
  2    the command line, or what it names, is wrong
  126  the command cannot be run
  127  the command was not found`,
    )
    .action(async (given: readonly string[], flags: SessionFlags) => {
      refuseStdin(flags, 'it is that of the command');
      const settings = await readSettings(flags, { keepFresh: flags.env !== true });
      const { name: region } = settings.region;
      const source = await openSource(settings);
      // Fails here, and not in the command.
      const credentials = await firstCredentials(source, settings);
      const environment = {
        ...withoutCredentials(environmentOfOthers()),
        AWS_REGION: process.env.AWS_REGION || region,
        AWS_DEFAULT_REGION: process.env.AWS_DEFAULT_REGION || region,
      };
      if (flags.env === true) {
        await source.close();
        process.exitCode = await runCommand(given, { ...environment, ...variablesOf(credentials) });
        return;
      }
      await warnOfPreferredProfile(process.env);
      const endpoint = await startContainerEndpoint(source);
      try {
        process.exitCode = await runCommand(given, {
          ...environment,
          AWS_CONTAINER_CREDENTIALS_FULL_URI: endpoint.uri,
          AWS_CONTAINER_AUTHORIZATION_TOKEN: endpoint.token,
        });
      } finally {
        endpoint.close();
        await source.close();
      }
    });
}

/** Variables for other credentials. */
const CONTRADICTING = [
  ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'],
  ...['AWS_CREDENTIAL_EXPIRATION', 'AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_ROLE_ARN'],
  ...['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'],
  ...['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN'],
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
];

function withoutCredentials(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !CONTRADICTING.includes(name)),
  );
}

/** Signals that are passed on, also SIGUSR1, by which Node.js would open a debugger for this process and its credentials. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'];
/** Signals that a terminal sends to the command, too. */
const OF_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

async function runCommand(
  [file = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  let child: ChildProcess;
  try {
    child = spawn(file, args, { stdio: 'inherit', env });
  } catch (error) {
    // Node.js emits only some of the errors of the system.
    return reportNotRun(error);
  }
  const release = passOnSignals(child);
  try {
    return await new Promise((resolve) => {
      child.once('error', (error) => resolve(reportNotRun(error)));
      child.once('exit', (status, signal) => {
        resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    release();
  }
}

/** Reports why a command was not run, and returns the exit status that shells have for it. */
function reportNotRun(error: unknown): 126 | 127 {
  const { code, message } = error as NodeJS.ErrnoException;
  // An empty name of a command is none that can be found.
  if (code === 'ENOENT' || code === 'ERR_INVALID_ARG_VALUE') {
    printLine('error', 'the command was not found');
    return 127;
  }
  printLine('error', `the command cannot be run: ${message}`);
  return 126;
}

function passOnSignals(child: ChildProcess): () => void {
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  const passOnUnlessTerminal = (signal: NodeJS.Signals) => {
    if (!isInForeground()) child.kill(signal);
  };
  for (const signal of PASSED_ON) process.on(signal, passOn);
  for (const signal of OF_TERMINAL) process.on(signal, passOnUnlessTerminal);
  return () => {
    for (const signal of PASSED_ON) process.off(signal, passOn);
    for (const signal of OF_TERMINAL) process.off(signal, passOnUnlessTerminal);
  };
}

/**
 * Whether a terminal sends its signals to this process and the command: stdin may be something else, and a process in the
 * background gets none.
 */
function isInForeground(): boolean {
  try {
    // proc_pid_stat(5); the name of the program, in parentheses, may have spaces.
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return group === foreground;
  } catch {
    // Not `process.stdin`, which would make the stdin of the command non-blocking.
    return isatty(0);
  }
}
