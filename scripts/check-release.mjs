// Fails if a release is not ready: the tag, the versions of the packages and the changelog must match, and the
// packages must name the repository that publishes them, or npm rejects the provenance.
//   node scripts/check-release.mjs TAG URL_OF_THE_REPOSITORY
import { readFileSync } from 'node:fs';

const [tag = '', repository = ''] = process.argv.slice(2);
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const problems = [];
for (const folder of ['credentialhelper', 'emulator']) {
  const { name, version, repository: from } = JSON.parse(read(`packages/${folder}/package.json`));
  if (tag !== `v${version}`) problems.push(`the tag is ${tag}, and ${name} has version ${version}`);
  if (from.url !== `git+${repository}.git`)
    problems.push(`${name} says that it comes from ${from.url}`);
}
if (!read('CHANGELOG.md').includes(`\n## [${tag.slice(1)}] - `)) {
  problems.push(`CHANGELOG.md has no section "## [${tag.slice(1)}] - " and a date`);
}
for (const problem of problems) console.error(`release: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
