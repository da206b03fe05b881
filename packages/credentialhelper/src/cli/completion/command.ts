import { Argument, type Command } from 'commander';
import { PROGRAM, printText } from '../output.ts';
import { EXIT_STATUS_HELP } from '../usage.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { wordsOf } from './words.ts';
import { zshCompletion } from './zsh.ts';

const SHELLS = { bash: bashCompletion, fish: fishCompletion, zsh: zshCompletion } as const;

/** Defines `completion`. */
export function defineCompletion(command: Command): void {
  command
    .description('Print the completion script of a shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper completion bash >~/.local/share/bash-completion/completions/awsiot-credentialhelper
  awsiot-credentialhelper completion fish >~/.config/fish/completions/awsiot-credentialhelper.fish
  awsiot-credentialhelper completion zsh >/usr/local/share/zsh/site-functions/_awsiot-credentialhelper
${EXIT_STATUS_HELP}`,
    )
    .action(async (shell: keyof typeof SHELLS) => {
      const words = await wordsOf(command.parent ?? command);
      printText(SHELLS[shell](PROGRAM, words));
    });
}
