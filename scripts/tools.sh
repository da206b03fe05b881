#!/usr/bin/env bash
# Gets credentials in bundled programs and in test runners, and type-checks programs with each module resolution of
# TypeScript; prints Markdown tables: npm run tools
# The tools come from npm, into a temporary folder, each kind in a project with this package as packed by npm.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${TOOLS_FOLDER:-/tmp/awsiot-credentialhelper-tools}
mkdir -p "$folder"
npm run --silent build >/dev/null
npm pack --silent --workspace packages/credentialhelper --pack-destination "$folder" >"$folder/packed"
package=$folder/$(tail -n 1 "$folder/packed")

# A project with this package and some tools. The package is reinstalled each time: its content may change without its version.
project() {
  local name=$1
  shift
  mkdir -p "$folder/$name"
  rm -rf "$folder/$name/node_modules/awsiot-credentialhelper" "$folder/$name/package-lock.json"
  echo '{ "private": true }' >"$folder/$name/package.json"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder/$name" "$package" "$@"
}

project bundlers esbuild@0.28.2 rollup@4.68.8 @rollup/plugin-node-resolve@16.0.3 \
  @rollup/plugin-commonjs@29.0.3 vite@8.4.0 webpack@5.113.0 @rspack/core@2.3.4
project typescript-5.4 --omit=optional typescript@5.4.5 @types/node@20.19.43
project typescript-5.9 --omit=optional typescript@5.9.3 @types/node@20.19.43
project typescript-7 typescript@7.0.2 @types/node@20.19.43
project jest jest@30.5.2 jest-environment-jsdom@30.5.2 @happy-dom/jest-environment@20.14.5
project vitest vitest@4.1.12 vite@8.4.0 jsdom@26.1.0 happy-dom@21.0.4
exec node scripts/tools/main.mjs "$folder"
