import type { Command } from 'commander';
import { setUpErrors } from './usage.ts';

/** Commands by name; until they are called only their summary is loaded. */
export type LazyCommands = Readonly<
  Record<
    string,
    { readonly summary: string; readonly load: () => Promise<(command: Command) => void> }
  >
>;

/** The commands that were added to a command. */
const added = new WeakMap<Command, LazyCommands>();

/** Adds commands whose code is loaded when they are called: a command pays only for what it uses. */
export function addLazyCommands(parent: Command, commands: LazyCommands): void {
  added.set(parent, commands);
  for (const [name, { summary }] of Object.entries(commands)) {
    setUpErrors(parent.command(name)).summary(summary).description(summary);
  }
  parent.hook('preSubcommand', (_parent, command) => define(commands, command));
}

/** Loads the code of all commands. */
export async function loadCommands(parent: Command): Promise<void> {
  const commands = added.get(parent) ?? {};
  for (const command of parent.commands) {
    await define(commands, command);
    await loadCommands(command);
  }
}

async function define(commands: LazyCommands, command: Command): Promise<void> {
  (await commands[command.name()]?.load())?.(command);
}
