// The program of the child process that looks into one PKCS#11 library.
import { answerParent } from '../isolation/answer-parent.ts';
import { inspectLibrary } from './inspect.ts';

answerParent(inspectLibrary);
