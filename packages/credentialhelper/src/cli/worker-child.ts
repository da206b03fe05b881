// The program of the child process for commands that load a PKCS#11 library.
import { answerParent } from '../process/answer-parent.ts';
import { nameOptionsAsFlags } from './flag-names.ts';
import { run } from './program.ts';
import { becomeWorker } from './worker.ts';

nameOptionsAsFlags();
answerParent((args: readonly string[], report) => {
  becomeWorker(report);
  return run(args);
});
