import { type Command, Option } from 'commander';
import { CredentialHelperError } from '../../errors.ts';
import { checkModule } from '../../identity/library-path.ts';
import { formatPkcs11Uri } from '../../identity/pkcs11-uri.ts';
import type { Secret } from '../../identity/secret.ts';
import { Pkcs11 } from '../../pkcs11/pkcs11.ts';
import { checkInit, chooseSlot, initToken } from '../../token/init.ts';
import { findAll } from '../../token/objects.ts';
import { openPublicSession } from '../../token/session.ts';
import { type TokenSlot, tokenName } from '../../token/slots.ts';
import { workerAction } from '../action.ts';
import { filePath } from '../file-path.ts';
import type { Result } from '../output.ts';
import { askNewSecret, confirm } from '../prompt.ts';
import { EXIT_STATUS_HELP, parseWholeNumber, requireFlag } from '../usage.ts';
import { loadsLibrary } from '../worker.ts';
import { loginOf, readSecretFile } from './connect.ts';
import { checkName, timeoutOption } from './options.ts';

interface InitFlags {
  readonly module?: string;
  readonly libraryParameters?: string;
  readonly label?: string;
  readonly slotId?: number;
  readonly pinFile?: string;
  readonly soPinFile?: string;
  readonly yes?: boolean;
  readonly timeoutMs: number;
  readonly json?: boolean;
}

/** Defines `token init`. */
export function defineInit(command: Command): void {
  command
    .description(
      'Initialize a token in the next free slot: set its label, the user PIN and the SO PIN.',
    )
    .option('--module <path>', 'path of the PKCS#11 library (required)')
    .option(
      '--library-parameters <text>',
      'string to initialize the library with (required by NSS)',
    )
    .option('--label <label>', 'label of the token, up to 32 bytes (required)')
    .option('--pin-file <file>', 'file with the new user PIN; default: ask on the terminal')
    .option('--so-pin-file <file>', 'file with the SO PIN; default: ask on the terminal')
    .addOption(
      new Option(
        '--slot-id <number>',
        'the slot to use; an initialized token in it is erased',
      ).argParser(parseWholeNumber),
    )
    .option('--yes', 'erase an initialized token without asking')
    .addOption(timeoutOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper token init --module /usr/lib/softhsm/libsofthsm2.so --label device \\
    --pin-file pin.txt --so-pin-file so-pin.txt
${EXIT_STATUS_HELP}`,
    )
    .action(workerAction(init));
}

async function init(flags: InitFlags): Promise<Result> {
  const module = requireFlag(flags.module, '--module');
  const label = requireFlag(flags.label, '--label');
  checkName(label, '--label');
  const location = {
    library: checkModule(filePath(module, '--module'), '--module'),
    libraryParameters: flags.libraryParameters,
  };
  loadsLibrary();
  const pkcs11 = await Pkcs11.open(location);
  const slot = chooseSlot(pkcs11, label, flags.slotId);
  const request = {
    label,
    userPin: await newPin(flags, '--pin-file', `New PIN of token "${label}"`),
    soPin: await newPin(flags, '--so-pin-file', `SO PIN of token "${label}"`),
  };
  checkInit(slot, request);
  if (slot.initialized) await agreeToErase(pkcs11, slot, flags.yes === true);
  const login = loginOf({ ...location, ignorePinFlags: false, timeoutMs: flags.timeoutMs });
  const { token, serial, slotId } = await initToken(pkcs11, location, slot, request, login);
  const uri = formatPkcs11Uri({
    ...(token === undefined ? {} : { token }),
    ...(serial ? { serial } : {}),
    modulePath: location.library,
  });
  return {
    lines: [`initialized token "${label}" in slot ${slotId}`, uri],
    json: { token: { label, serial, slotId, uri }, erased: slot.initialized },
  };
}

async function newPin(
  { pinFile, soPinFile, timeoutMs }: InitFlags,
  option: '--pin-file' | '--so-pin-file',
  what: string,
): Promise<Secret> {
  const file = option === '--pin-file' ? pinFile : soPinFile;
  if (file !== undefined) return readSecretFile(filePath(file, option), 'PIN', timeoutMs);
  return askNewSecret(what, `pass it in a file: ${option} FILE`);
}

async function agreeToErase(pkcs11: Pkcs11, slot: TokenSlot, yes: boolean): Promise<void> {
  if (yes) return;
  const held = `${tokenName(slot)} shows ${countObjects(pkcs11, slot)} objects without a login, and may hold private objects`;
  const agreed = await confirm(
    `The ${held}. All will be erased.`,
    `the ${held}; --yes erases it without asking`,
  );
  if (agreed) return;
  throw new CredentialHelperError(`the ${held}; it was not changed`, {
    code: 'ERR_SLOT_NOT_FREE',
    hint: 'enter yes, or pass --yes, to erase it',
  });
}

function countObjects(pkcs11: Pkcs11, slot: TokenSlot): number {
  const session = openPublicSession(pkcs11, slot);
  try {
    return findAll(session, {}).length;
  } finally {
    session.close();
  }
}
