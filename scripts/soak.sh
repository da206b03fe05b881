#!/usr/bin/env bash
# See scripts/soak/main.mjs.
set -euo pipefail
cd "$(dirname "$0")/.."

npm run --silent build
exec node scripts/soak/main.mjs "$@"
