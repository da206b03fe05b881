#!/usr/bin/env bash
# The main job from end to end, from a fresh clone: set-up, build, and the demo itself. Arguments go to the demo.
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/setup.sh
# Built anew only where a source is newer than what was built.
for package in packages/*/; do
  built=${package}dist/index.js
  if [[ ! -e $built || -n $(find "${package}src" "${package}"tsconfig*.json tsconfig.base.json -newer "$built" -print -quit) ]]; then
    echo "building $(basename "$package")"
    npm run --silent build --workspace "$package"
  fi
done
# The SDK's advice on Node versions is not what the demo is about.
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true
exec npx tsx examples/demo/main.ts "$@"
