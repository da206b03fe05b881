#!/usr/bin/env node
import { useCompileCache } from './compile-cache.ts';
import { printRecent } from './session/print-recent.ts';

// Without a listener, Node.js opens a debugger, which every user of this machine can connect to.
process.on('SIGUSR1', () => {});
const args = process.argv.slice(2);
if (!printRecent(args, process.env)) {
  useCompileCache();
  // Loaded here: what is loaded before the cache is enabled is compiled each time.
  void import('./start.ts').then(({ start }) => start(args));
}
