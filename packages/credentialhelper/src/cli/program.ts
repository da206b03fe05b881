import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { addLazyCommands, type LazyCommands } from './lazy-commands.ts';
import { PROGRAM } from './output.ts';
import { reportError, USAGE_STATUS } from './report.ts';
import { setUpErrors } from './usage.ts';

/** Defines the commands; each loads its code when it is called. */
const COMMANDS: LazyCommands = {
  'credential-process': {
    summary: 'print credentials for the AWS CLI and the AWS SDKs (credential_process)',
    load: async () => (await import('./session/credential-process.ts')).defineCredentialProcess,
  },
  exec: {
    summary: 'run a command with credentials that never expire',
    load: async () => (await import('./session/exec.ts')).defineExec,
  },
  env: {
    summary: 'print credentials as environment variables',
    load: async () => (await import('./session/env.ts')).defineEnv,
  },
  serve: {
    summary: 'serve credentials to programs on this machine',
    load: async () => (await import('./serve/command.ts')).defineServe,
  },
  update: {
    summary: 'keep a profile of the shared credentials file fresh',
    load: async () => (await import('./session/update.ts')).defineUpdate,
  },
  configure: {
    summary: 'write a profile for the AWS CLI and the AWS SDKs',
    load: async () => (await import('./session/configure.ts')).defineConfigure,
  },
  whoami: {
    summary: 'print the identity of the credentials: account, ARN and user id',
    load: async () => (await import('./session/whoami.ts')).defineWhoami,
  },
  doctor: {
    summary: 'find out why a device gets no credentials, and how to fix it',
    load: async () => (await import('./doctor/doctor.ts')).defineDoctor,
  },
  config: {
    summary: 'show the settings of a session, and where each was found',
    load: async () => (await import('./session/config.ts')).defineConfig,
  },
  completion: {
    summary: 'print the completion script of a shell',
    load: async () => (await import('./completion/command.ts')).defineCompletion,
  },
  token: {
    summary: 'keys in PKCS#11 tokens (HSMs, TPMs): set up, inspect, test',
    load: async () => (await import('./token/command.ts')).defineToken,
  },
};

/** Creates the command line, with the commands whose code is not loaded yet. */
export function createProgram(): Command {
  const program = setUpErrors(new Command(PROGRAM))
    .description('AWS credentials for a device that holds an X.509 certificate.')
    .version(VERSION, '--version', 'show the version')
    // The options of a command that "exec" runs are its own.
    .enablePositionalOptions();
  addLazyCommands(program, COMMANDS);
  return program;
}

/**
 * Runs the command line.
 *
 * @param args - the arguments after the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[]): Promise<number> {
  // Asked of the command: in the arguments it may be a value, or belong to the command of "exec".
  let asJson = false;
  const program = createProgram().hook('preAction', (_program, command) => {
    asJson = command.opts().json === true;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, asJson);
    // Reported already. Help and version were requested, and went to stdout; without a command, help went to stderr.
    return error.exitCode === 0 ? 0 : USAGE_STATUS;
  }
}
