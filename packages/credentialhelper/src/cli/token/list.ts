import { homedir } from 'node:os';
import type { Command } from 'commander';
import { CredentialHelperError, isCredentialHelperError } from '../../errors.ts';
import { findModules, type Module } from '../../pkcs11/find-libraries.ts';
import { loadKoffi } from '../../pkcs11/koffi.ts';
import { libraryHint } from '../../pkcs11/library-hints.ts';
import type { InspectRequest, LibraryReport, TokenReport } from '../../token/inspect.ts';
import { OBJECT_TYPES } from '../../token/objects.ts';
import { action } from '../action.ts';
import type { Result } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { showWaiting } from '../waiting.ts';
import { loginOf, openPin } from './connect.ts';
import { inspectIsolated, publicInspection } from './inspect-isolated.ts';
import {
  addTokenOptions,
  pipeLimitMs,
  readTarget,
  requireModule,
  type Target,
  type TokenFlags,
} from './options.ts';

interface ListFlags extends TokenFlags {
  readonly login?: boolean;
}

/** A module and its slots, tokens and objects. */
interface ModuleReport {
  readonly path: string;
  readonly foundBy: string;
  readonly library: LibraryReport | null;
  /** Why it was skipped, or the error. */
  readonly problem: { code: string | null; message: string; hint: string | null } | null;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Defines `token list`. */
export function defineList(command: Command): void {
  addTokenOptions(command, DEFAULT_TIMEOUT_MS)
    .description(
      'List the PKCS#11 modules of this system with their slots, tokens and objects, as URIs to paste. Each module runs in its own process.',
    )
    .option(
      '--login',
      'log in to the token that the other options name, to list its private objects',
    )
    .addHelpText(
      'after',
      `
Without --module, the modules are those of p11-kit's configuration and those at well-known paths. Nothing logs in unless
--login or --pin-file is given.

Examples:
  awsiot-credentialhelper token list
  awsiot-credentialhelper token list --module /usr/lib/softhsm/libsofthsm2.so --token-label device --pin-file pin.txt
${EXIT_STATUS_HELP}`,
    )
    .action(action(list));
}

async function list(flags: ListFlags): Promise<Result> {
  const target = readTarget(flags);
  const { object: _object, id: _id, type: _type, ...match } = target.match;
  // Reported once, not for each module.
  await loadKoffi();
  const login = flags.login === true || target.pinSource !== undefined;
  if (target.library === undefined && !login) {
    const found = findModules(homedir()).map((module) =>
      inspectFound(module, match, flags.timeoutMs),
    );
    const modules = await showWaiting(Promise.all(found), describeWaiting);
    return { lines: describe(modules), json: { modules } };
  }
  const location = requireModule(target);
  const request = { ...publicInspection(location, match, flags.timeoutMs), login };
  const report = await inspectNamed(request, target, flags);
  const modules = [{ path: location.library, foundBy: '--module', library: report, problem: null }];
  return { lines: describe(modules), json: { modules } };
}

const describeWaiting = () => 'waiting for the token …';

/** Inspects a module that was found; errors are part of the result. */
async function inspectFound(
  { path, exists, foundBy, trustPolicy }: Module,
  match: InspectRequest['match'],
  timeoutMs: number,
): Promise<ModuleReport> {
  const skipped = (message: string) => ({
    path,
    foundBy,
    library: null,
    problem: { code: null, message, hint: null },
  });
  if (!exists) return skipped('no such file');
  if (trustPolicy) return skipped('skipped: it holds the CA certificates of this system');
  try {
    const library = await inspectIsolated(
      publicInspection({ library: path }, match, timeoutMs),
      timeoutMs,
    );
    return { path, foundBy, library, problem: null };
  } catch (error) {
    if (!isCredentialHelperError(error)) throw error;
    const { code, message, hint } = error;
    const problem = { code, message, hint: hint ?? null };
    return { path, foundBy, library: null, problem };
  }
}

/** Inspects the module that was named; errors are thrown. */
async function inspectNamed(
  request: InspectRequest,
  target: Target,
  { timeoutMs }: ListFlags,
): Promise<LibraryReport> {
  if (!request.login) return showWaiting(inspectIsolated(request, timeoutMs), describeWaiting);
  const { pinSource } = target;
  const reader = pinSource === undefined ? undefined : openPin(pinSource);
  const pin =
    reader === undefined
      ? await askSecret('PIN: ', 'pass the PIN in a file: --pin-file FILE')
      : await reader.read(pipeLimitMs(timeoutMs));
  const inspection = inspectIsolated(
    { ...request, ...forChannel(loginOf(target)), pin: pin?.reveal() },
    timeoutMs,
  );
  return showWaiting(inspection, describeWaiting);
}

/** The part of a login that is sent over the IPC channel. */
function forChannel({ warn: _, ...login }: ReturnType<typeof loginOf>) {
  return login;
}

function describe(modules: readonly ModuleReport[]): readonly string[] {
  if (modules.length === 0) {
    throw new CredentialHelperError('no PKCS#11 module was found on this system', {
      code: 'ERR_PKCS11_LIBRARY',
      hint: 'install one, such as the package softhsm2, or pass its path as --module',
    });
  }
  return modules.flatMap(describeModule);
}

function describeModule({ path, library, problem }: ModuleReport): readonly string[] {
  const lines = [
    `module ${path}${library === null ? '' : ` (${library.description} ${library.version}, ${library.manufacturer})`}`,
  ];
  if (problem !== null) lines.push(`  ${problem.message}`);
  if (problem?.hint) lines.push(`    hint: ${problem.hint}`);
  if (library?.slots.length === 0) {
    const hint = libraryHint(path);
    lines.push('  no token', ...(hint === undefined ? [] : [`    hint: ${hint}`]));
  }
  for (const { slotId, token, problem: slotProblem } of library?.slots ?? []) {
    if (token !== null) lines.push(...describeToken(slotId, token));
    else if (slotProblem === null)
      lines.push(`  slot ${slotId}: free, its token is not initialized`);
    if (slotProblem !== null) lines.push(`  slot ${slotId}: ${slotProblem}`);
  }
  return lines;
}

const PIN_STATES: Readonly<Record<TokenReport['pin'], string>> = {
  ok: '',
  'wrong-pin-tried': '; a wrong PIN has been tried',
  'one-try-left': '; ONE TRY LEFT before its PIN locks',
  locked: '; its PIN is LOCKED',
  'not-set': '; no user PIN is set',
};

function describeToken(slotId: number, token: TokenReport): readonly string[] {
  const { label, loginRequired, loggedIn, objects, pin, uri } = token;
  const access = loginRequired && !loggedIn ? '; use --login to list private objects' : '';
  return [
    `  slot ${slotId}: token "${label}"${PIN_STATES[pin]}${access}`,
    `    ${uri}`,
    ...objects.flatMap(({ type, label: name, id, detail, uri: objectUri }) => [
      `    ${OBJECT_TYPES[type]} "${name}" id ${id || 'none'}${detail === '' ? '' : `: ${detail}`}`,
      `      ${objectUri}`,
    ]),
  ];
}
