// Prints the last line of a test run, `N passed, N failed`, from Vitest's JSON report, and fails if anything failed.
//   node scripts/test-summary.mjs REPORT [FAILED_CHECKS [STATUS]]   with the exit status of Vitest
import { existsSync, readFileSync } from 'node:fs';

const [report, failedChecks = '0', status = '0'] = process.argv.slice(2);
// No report: no test was run, because a check failed or for an unknown reason.
const { numPassedTests, numFailedTests, numPendingTests, testResults } = existsSync(report)
  ? JSON.parse(readFileSync(report, 'utf8'))
  : { numPassedTests: 0, numFailedTests: Number(failedChecks === '0'), testResults: [] };
const brokenFiles = testResults.filter(
  (file) =>
    file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length;
// An error outside of all tests fails the run.
const failedTests = numFailedTests + brokenFiles || Number(status !== '0');
const failed = failedTests + Number(failedChecks);
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
console.log(`${numPassedTests} passed, ${failed} failed${skipped}`);
if (failed > 0) process.exitCode = 1;
