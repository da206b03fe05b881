#!/usr/bin/env node
import { holdProcess } from '../process/hold.ts';
import { nameOptionsAsFlags } from './flag-names.ts';
import { watchOutput } from './output.ts';
import { run } from './program.ts';

nameOptionsAsFlags();
watchOutput();

process.exitCode = await holdProcess(run(process.argv.slice(2)));
