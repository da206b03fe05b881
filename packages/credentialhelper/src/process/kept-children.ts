import type { ChildProcess } from 'node:child_process';
import { pack } from './messages.ts';
import { childEnvironment, childFolder } from './program.ts';
import { after } from './timers.ts';

/** The output of a child, without secrets. */
export interface ChildOutput {
  /**
   * Begins with the output of a task.
   *
   * @param redact - removes the secrets of the task. Default: unchanged
   */
  begin(redact?: (text: string) => string): void;
  /** The end of the output of the task so far. */
  text(): string;
}

/** A child process that has answered, and can take another task. */
export interface KeptChild {
  readonly child: ChildProcess;
  readonly output: ChildOutput;
  /** Removes the listeners of its last task. */
  readonly release: () => void;
}

/** How long a child waits for another task, in milliseconds: enough for one that waits for its turn. */
const KEPT_MS = 100;

const children = new Map<string, { readonly kept: KeptChild; readonly stay: () => void }>();

const neverKept = new Set<string>();

/**
 * The key of a child: tasks with another program, environment or working folder need another child. Undefined if none
 * is kept.
 *
 * @param name - the name of the resource that the child has loaded
 */
export function keyToKeep(name: string, node: string, program: string): string | undefined {
  const folder = childFolder() ?? process.cwd();
  const key = JSON.stringify([name, node, program, folder, childEnvironment()]);
  return neverKept.has(key) ? undefined : key;
}

/** Keeps no more children with this key: their resource cannot be used twice. */
export function neverKeep(key: string): void {
  neverKept.add(key);
}

/** Keeps a child for a moment; then `end` is called, and the child exits. */
export function keepChild(key: string, kept: KeptChild, end: () => void): void {
  const { child } = kept;
  const stay = after(KEPT_MS, () => {
    children.delete(key);
    // Not "disconnect": Node.js would not emit "close".
    child.send(pack({ kind: 'exit', content: undefined }), () => {});
    end();
  });
  children.set(key, { kept, stay });
}

/** Takes a kept child, if there is one. */
export function takeChild(key: string): KeptChild | undefined {
  const present = children.get(key);
  if (present === undefined) return undefined;
  const { kept, stay } = present;
  children.delete(key);
  stay();
  if (!kept.child.connected) return undefined;
  kept.release();
  return kept;
}
