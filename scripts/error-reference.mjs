// Writes docs/errors.md from the codes in the built package; with --check, fails if the file differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { ERROR_CODES } from 'awsiot-credentialhelper';

const FILE = new URL('../docs/errors.md', import.meta.url);

const rows = Object.entries(ERROR_CODES).map(
  ([code, { meaning, remedy, retryable, retry, exitStatus }]) =>
    `| \`${code}\` | ${meaning} | ${remedy} | ${retryable ? 'yes' : 'no'} | ${retry} | ${exitStatus} |`,
);
const text = `# Errors

Every error is a \`CredentialHelperError\`, which ends a chain of the AWS SDK's credential providers. It carries

- \`code\`: one of the codes below; a code never changes its meaning;
- \`message\`: what happened, and to which file, token, thing, role alias or endpoint;
- \`hint\`: what to do next, where more is known than the table says;
- \`httpStatus\` and \`requestId\`: of the service's answer, where there was one;
- \`retryable\`: whether the same request may succeed later without anybody changing anything.

\`isCredentialHelperError(value)\` tells such an error, also where two copies of the package are installed, and gives one that
came from another thread (\`structuredClone()\`, \`postMessage()\`) its code back. \`switch (error.code)\` narrows it.

A session retries by itself \`soon\` (after 1 second to 1 minute), \`slowly\` (30 seconds to 10 minutes) or \`never\`, that
is, not before PIN, files or options change. \`retryAt\` says when, and \`retryAfterMs\` what the service asked for.

The exit status is that of a command of the command line which ends with the error. The same table is exported as
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
