#!/usr/bin/env node
import { useCompileCache } from './compile-cache.ts';

useCompileCache();
// Loaded here: what is loaded before the cache is enabled is compiled each time.
void import('./start.ts').then(({ start }) => start(process.argv.slice(2)));
