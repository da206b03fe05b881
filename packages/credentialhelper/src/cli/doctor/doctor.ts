import type { Command } from 'commander';
import type { Layer } from '../../settings/layer.ts';
import { visibleJson } from '../../text.ts';
import { VERSION } from '../../version.ts';
import { printText } from '../output.ts';
import { findSessionSettings, type SessionFlags } from '../session/flags.ts';
import { addSessionOptions } from '../session/options.ts';
import { showWaiting } from '../waiting.ts';
import { diagnose } from './diagnose.ts';
import { type Finding, failedWith, type Step } from './finding.ts';
import { linesOf, styleOf, summaryOf } from './print.ts';

/** Defines `doctor`. */
export function defineDoctor(command: Command): void {
  addSessionOptions(command)
    .description(
      'Find out why a device gets no credentials: test each step from the settings to the identity of the credentials, and say what is broken and how to fix it. The PIN of a token is used at most once. Secrets are not shown.',
    )
    .option('--json', 'print one JSON document, for a request for support')
    .addHelpText(
      'after',
      `
Examples:
  awsiot-credentialhelper doctor --profile my-thing
  awsiot-credentialhelper doctor --greengrass --json >doctor.json

Exit status:
  0  everything works; there may be warnings
  1  something is broken; the output says what
  2  the command line is wrong`,
    )
    .action(async (flags: SessionFlags) => {
      const isJson = flags.json === true;
      const style = styleOf(process.env, process.stdout);
      const print = (lines: readonly string[]) => {
        if (!isJson) printText(`${lines.join('\n')}\n`);
      };
      const findings: Finding[] = [];
      let testing: Step = 'settings';
      const examined = examine(flags, (step) => {
        testing = step;
      });
      const next = () => showWaiting(examined.next(), () => `testing ${testing} …`);
      for (let step = await next(); !step.done; step = await next()) {
        findings.push(step.value);
        print(linesOf(step.value, style));
      }
      print(['', summaryOf(findings)]);
      const isWell = findings.every(({ status }) => status !== 'failed');
      if (isJson) {
        printText(
          `${visibleJson(JSON.stringify({ ok: isWell, ...about(), findings }, null, 2))}\n`,
        );
      }
      process.exitCode = isWell ? 0 : 1;
    });
}

async function* examine(
  flags: SessionFlags,
  testing: (step: Step) => void,
): AsyncGenerator<Finding> {
  let settings: Layer;
  try {
    settings = await findSessionSettings(flags);
  } catch (error) {
    yield failedWith('settings', error);
    return;
  }
  yield* diagnose(settings, testing);
}

/** The program and its surroundings, for support. */
function about() {
  const { versions, platform, arch } = process;
  return {
    version: VERSION,
    node: versions.node,
    openssl: versions.openssl,
    platform: `${platform}/${arch}`,
    time: new Date().toISOString(),
  };
}
