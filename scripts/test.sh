#!/usr/bin/env bash
# Everything, from a fresh clone: setup, build, lint, types, unused code, packaging, and all tests. The last line has
# the number of passed tests, and of failed tests and checks. Arguments are passed to the test runner, and no checks
# are run: npm test -- packages/emulator
set -uo pipefail
cd "$(dirname "$0")/.."

mkdir -p test-output
results=test-output/results.json
output=test-output/output.log
rm -f "$results"
failed=0
status=0

# Runs a check, and shows its output only if it fails.
check() { # NAME COMMAND ...
  local started=$SECONDS printed
  if printed=$("${@:2}" 2>&1); then
    echo "$1: passed ($((SECONDS - started)) s)"
  else
    printf '%s: failed\n%s\n\n' "$1" "$printed"
    return 1
  fi
}

# Counts the checks that failed, of those that run at once.
count_failed() { # PID ...
  local pid
  for pid in "$@"; do
    wait "$pid" || failed=$((failed + 1))
  done
}

# Prints the last line, and exits.
finish() {
  node scripts/test-summary.mjs "$results" "$failed" "$status"
  exit
}

# Only the tests need the Debian packages.
bash scripts/debian-packages.sh & debian=$!
bash scripts/npm-packages.sh && check build node scripts/build.mjs --stale || failed=1
((failed == 0)) || finish
if (($# == 0)); then
  pids=()
  check lint npm run --silent lint & pids+=($!)
  check types npm run --silent typecheck & pids+=($!)
  check 'unused code' npm run --silent check:unused & pids+=($!)
  check packages npm run --silent check:package & pids+=($!)
  check 'generated docs' npm run --silent check:docs & pids+=($!)
  check API npm run --silent check:api & pids+=($!)
  count_failed "${pids[@]}"
fi
wait "$debian" || { failed=$((failed + 1)); finish; }
npx vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@" 2>&1 | tee "$output" || status=$?
check 'no secrets shown' node scripts/find-secrets.mjs "$output" "$results" || failed=$((failed + 1))
finish
