// Writes docs/errors.md from the codes in the built package; with --check, fails if the file differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { ERROR_CODES } from 'awsiot-credentialhelper';

const FILE = new URL('../docs/errors.md', import.meta.url);

const rows = Object.entries(ERROR_CODES).map(
  ([code, { meaning, remedy, retryable, retry, exitStatus }]) =>
    `| \`${code}\` | ${meaning} | ${remedy} | ${retryable ? 'yes' : 'no'} | ${retry} | ${exitStatus} |`,
);
const text = `# Errors

Every error is a \`CredentialHelperError\`, which stops a provider chain of the AWS SDK. It has

- \`code\`: one of the codes below; the meaning of a code never changes;
- \`message\`: what happened, and to which file, token, thing, role alias or endpoint;
- \`hint\`: what to do next, if more specific than the table;
- \`httpStatus\` and \`requestId\`: of the service's response, if any;
- \`retryable\`: whether the same request may succeed later, without any change.

\`isCredentialHelperError(value)\` recognizes such an error, also from another copy of the package, and restores the
code of an error from another thread (\`structuredClone()\`, \`postMessage()\`). \`switch (error.code)\` narrows it.

A session retries by itself \`soon\` (after 1 second to 1 minute), \`slowly\` (30 seconds to 10 minutes) or \`never\`, that
is, not before PIN, files or options change. \`retryAt\` is the time of the retry, and \`retryAfterMs\` the delay requested by the service.

The exit status is that of a command that fails with the error. The same table is exported as
\`ERROR_CODES\`.

| code | meaning | what to do | retryable | retried | exit status |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    console.error('docs/errors.md is out of date: npm run build && npm run docs');
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, text);
}
