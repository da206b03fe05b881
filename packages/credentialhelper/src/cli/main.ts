#!/usr/bin/env node
import { holdProcess } from '../process/hold.ts';
import { useCompileCache } from './compile-cache.ts';
import { nameOptionsAsFlags } from './flag-names.ts';
import { watchOutput } from './output.ts';

useCompileCache();
nameOptionsAsFlags();
watchOutput();
void start();

async function start(): Promise<void> {
  // Imported here: what is loaded at first is compiled before the cache is enabled.
  const { run } = await import('./program.ts');
  process.exitCode = await holdProcess(run(process.argv.slice(2)));
}
