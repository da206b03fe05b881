#!/usr/bin/env node
import { holdProcess } from '../process/hold.ts';
import { watchOutput } from './output.ts';
import { run } from './program.ts';

watchOutput();

process.exitCode = await holdProcess(run(process.argv.slice(2)));
