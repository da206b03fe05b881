#!/usr/bin/env bash
# Installs the npm packages of the lock file, unless they are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

# npm writes this file at the end of every installation, so it is as new as the installed lock file.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  echo "setup: installing npm packages"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
