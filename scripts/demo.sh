#!/usr/bin/env bash
# The whole workflow from a fresh clone: SoftHSM, npm packages, build, and the demo. Arguments are passed to the demo.
set -euo pipefail
cd "$(dirname "$0")/.."

# Without apt-get, the demo prints what to install.
if [[ " $* " != *" --library"* ]] && command -v apt-get >/dev/null; then
  bash scripts/debian-packages.sh softhsm2
fi
bash scripts/npm-packages.sh
node scripts/build.mjs --stale
# The SDK's warning about Node.js versions would clutter the output.
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true
exec npx tsx examples/demo/main.ts "$@"
