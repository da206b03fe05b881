#!/usr/bin/env node
import { makeCacheFolder } from './cache-folder.ts';
import { CompiledFiles } from './compiled-files.ts';
import { printRecent } from './session/print-recent.ts';
import type { start } from './start.ts';

// Without a listener, Node.js opens a debugger, which every user of this machine can connect to.
process.on('SIGUSR1', () => {});
const args = process.argv.slice(2);
if (!printRecent(args, process.env)) {
  // AWS SDKs start this one again and again.
  const cache = args[0] === 'credential-process' ? makeCacheFolder('compiled') : undefined;
  const files = new CompiledFiles(__dirname, require, cache);
  void (files.load('./start.js') as { start: typeof start }).start(args, files);
}
