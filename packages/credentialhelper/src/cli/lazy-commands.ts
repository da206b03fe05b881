import type { Command } from 'commander';
import { setUpErrors } from './usage.ts';

/** Commands by name; until they are called only their summary is loaded. */
export type LazyCommands = Readonly<
  Record<
    string,
    { readonly summary: string; readonly load: () => Promise<(command: Command) => void> }
  >
>;

/** Adds commands whose code is loaded when they are called: a command pays only for what it uses. */
export function addLazyCommands(parent: Command, commands: LazyCommands): void {
  for (const [name, { summary }] of Object.entries(commands)) {
    setUpErrors(parent.command(name)).summary(summary).description(summary);
  }
  parent.hook('preSubcommand', async (_parent, command) => {
    (await commands[command.name()]?.load())?.(command);
  });
}
