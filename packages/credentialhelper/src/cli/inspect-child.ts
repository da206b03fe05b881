// The program of the child process that inspects one PKCS#11 library.

import { answerParent } from '../process/answer-parent.ts';
import { type InspectRequest, inspectLibrary } from '../token/inspect.ts';
import { nameOptionsAsFlags } from './flag-names.ts';

nameOptionsAsFlags();
answerParent((request: InspectRequest, report) => {
  report('usesLibrary', true);
  return inspectLibrary(request);
});
