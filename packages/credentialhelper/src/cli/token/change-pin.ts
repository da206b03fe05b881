import type { Command } from 'commander';
import { changePin } from '../../token/change-pin.ts';
import { hasFlag } from '../../token/slots.ts';
import { workerAction } from '../action.ts';
import { filePath } from '../file-path.ts';
import type { Result } from '../output.ts';
import { askNewSecret } from '../prompt.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { readSecretFile, withToken } from './connect.ts';
import { addTokenOptions, readTarget, requireModule, type TokenFlags } from './options.ts';

interface ChangePinFlags extends TokenFlags {
  readonly newPinFile?: string;
}

/** Defines `token change-pin`. */
export function defineChangePin(command: Command): void {
  addTokenOptions(command)
    .description('Change the user PIN of a token. The current PIN is tried once.')
    .option('--new-pin-file <file>', 'file with the new PIN; default: ask on the terminal')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper token change-pin --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --new-pin-file new-pin.txt
${EXIT_STATUS_HELP}`,
    )
    .action(workerAction(runChangePin));
}

async function runChangePin(flags: ChangePinFlags): Promise<Result> {
  const target = readTarget(flags);
  requireModule(target);
  const fromFile =
    flags.newPinFile === undefined
      ? undefined
      : await readSecretFile(filePath(flags.newPinFile, '--new-pin-file'), 'PIN', flags.timeoutMs);
  const label = await withToken(target, 'write', async (session) => {
    const { token } = session;
    const newPin = hasFlag(token, 'PROTECTED_AUTHENTICATION_PATH')
      ? null
      : (fromFile ??
        (await askNewSecret(
          `New PIN of token "${token.attributes.token}"`,
          'pass it in a file: --new-pin-file FILE',
        )));
    changePin(session, newPin);
    return token.attributes.token;
  });
  return { lines: [`changed the PIN of token "${label}"`], json: { token: label, changed: true } };
}
