import { expect } from 'vitest';
import type { Finding, Step } from '../../src/cli/doctor/finding.ts';
import { run } from './cli.ts';

/** The steps that fail, with what was found. */
export interface Diagnosis {
  readonly ok: boolean;
  /** The steps that failed, in order. */
  readonly broken: readonly Step[];
  /** The finding of a step, which exists once. */
  of(step: Step): Finding;
}

/** Runs `doctor --json`, and checks its exit status and that each step has one finding at most. */
export async function diagnose(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Diagnosis> {
  const { status, stdout, stderr } = await run(['doctor', ...args, '--json'], { env });
  expect(stderr).toBe('');
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: readonly Finding[] };
  const steps = findings.map(({ step }) => step);
  expect(steps, 'each step once').toEqual([...new Set(steps)]);
  const broken = findings.filter((one) => one.status === 'failed').map(({ step }) => step);
  expect([ok, status]).toEqual(broken.length === 0 ? [true, 0] : [false, 1]);
  return {
    ok,
    broken,
    of(step) {
      const found = findings.find((one) => one.step === step);
      if (found === undefined) throw new Error(`no finding for ${step} in ${stdout}`);
      return found;
    },
  };
}

/** The commands of a finding for one purpose, in order. */
export function commandsOf({ remedy }: Finding, ...purposes: readonly string[]): readonly string[] {
  return (remedy?.commands ?? [])
    .filter(({ purpose }) => purposes.includes(purpose))
    .map(({ command }) => command);
}
