#!/usr/bin/env bash
# The main job from end to end, from a fresh clone: SoftHSM, npm packages, build, and the demo itself. Arguments go to the demo.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where there is no apt-get, the demo says what to install.
if [[ " $* " != *" --library"* ]] && command -v apt-get >/dev/null; then
  bash scripts/debian-packages.sh softhsm2
fi
bash scripts/npm-packages.sh
node scripts/build.mjs --stale
# The SDK's advice on Node versions is not what the demo is about.
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true
exec npx tsx examples/demo/main.ts "$@"
