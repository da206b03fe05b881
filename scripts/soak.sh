#!/usr/bin/env bash
# Gets credentials many times under node --watch, in a worker thread and in a cluster worker, fails to get them many times
# more, and prints a row of a Markdown table for each, with descriptors, memory and processes: npm run soak
# It takes several minutes. EXCHANGES=20 reduces the default of 300.
set -euo pipefail
cd "$(dirname "$0")/.."

npm run --silent build
exec node scripts/soak.mjs
