#!/usr/bin/env bash
# Everything, from a fresh clone: set-up, build, lint, types, unused code, packaging, and all tests.
# With arguments, they go to the test runner: npm test -- packages/emulator
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

bash scripts/setup.sh
step build; npm run --silent build
step lint; npm run --silent lint
step types; npm run --silent typecheck
step unused code; npm run --silent check:unused
step packages; npm run --silent check:package
step reference; npm run --silent check:docs

step tests
mkdir -p test-output
results=test-output/results.json
output=test-output/output.log
rm -f "$results"
status=0
npx vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@" 2>&1 | tee "$output" || status=$?
node scripts/find-secrets.mjs "$output" "$results" || status=$?
node scripts/test-summary.mjs "$results"
exit "$status"
