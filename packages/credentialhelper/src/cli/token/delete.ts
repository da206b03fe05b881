import { type Command, Option } from 'commander';
import { CredentialHelperError } from '../../errors.ts';
import { deleteObjects, type FoundObject, findDeletable } from '../../token/delete.ts';
import { OBJECT_TYPES } from '../../token/objects.ts';
import { workerAction } from '../action.ts';
import type { Result } from '../output.ts';
import { confirm } from '../prompt.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { UsageError } from '../usage-error.ts';
import { withToken } from './connect.ts';
import { parseId } from './id.ts';
import { addTokenOptions, readTarget, requireModule, type TokenFlags } from './options.ts';

interface DeleteFlags extends TokenFlags {
  readonly id?: Buffer;
  readonly type?: keyof typeof OBJECT_TYPES;
  readonly yes?: boolean;
}

/** Defines `token delete`. */
export function defineDelete(command: Command): void {
  addTokenOptions(command)
    .description(
      'Delete a key pair from a token, or with --type one object. Asks first; a deleted private key cannot be restored.',
    )
    .option('--label <label>', 'label of the key pair or object')
    .option('--id <hex>', 'its id, if labels are not unique', parseId)
    .addOption(
      new Option('--type <type>', 'delete only this object').choices(Object.keys(OBJECT_TYPES)),
    )
    .option('--yes', 'delete without asking')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper token delete --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label old-key
  awsiot-credentialhelper token delete --module /usr/lib/softhsm/libsofthsm2.so --token-label device \\
    --pin-file pin.txt --label old-key --type cert --yes
${EXIT_STATUS_HELP}`,
    )
    .action(workerAction(runDelete));
}

async function runDelete(flags: DeleteFlags): Promise<Result> {
  const target = readTarget(flags);
  requireModule(target);
  const label = flags.label ?? target.match.object;
  const id = flags.id ?? target.match.id;
  const named = target.match.type;
  const type = flags.type ?? (named === 'public' || named === 'cert' ? named : undefined);
  if (label === undefined && id === undefined) {
    throw new UsageError('no object is named: pass --label LABEL or --id HEX');
  }
  const deleted = await withToken(target, 'write', async (session) => {
    const found = findDeletable(session, { label, id, type });
    await agree(found, `${session.context.token}`, flags.yes === true);
    deleteObjects(session, found);
    return found;
  });
  return {
    lines: [`deleted ${describe(deleted)}`],
    json: { deleted: deleted.map(({ handle: _, ...object }) => object) },
  };
}

async function agree(found: readonly FoundObject[], token: string, yes: boolean): Promise<void> {
  if (yes) return;
  const what = `${describe(found)} of ${token}`;
  const agreed = await confirm(`Delete ${what}?`, `pass --yes to delete ${what} without asking`);
  if (agreed) return;
  throw new CredentialHelperError(`nothing was deleted: ${what}`, {
    code: 'ERR_TERMINAL_REQUIRED',
    hint: 'enter yes, or pass --yes, to delete it',
  });
}

function describe(objects: readonly FoundObject[]): string {
  return objects
    .map(({ type, label, id }) => `${OBJECT_TYPES[type]} "${label}" (id ${id || 'none'})`)
    .join(' and ');
}
