#!/usr/bin/env bash
# Installs what the demo and the tests need: Debian packages, then npm packages. Skips what is there.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
while read -r package _; do
  [[ -z $package || $package == \#* ]] && continue
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done <scripts/debian-packages.txt

if ((${#missing[@]})); then
  if ! command -v apt-get >/dev/null; then
    echo "setup: this system has no apt-get; install these packages, or what they are called here: ${missing[*]}" >&2
    exit 1
  fi
  if [[ $(id -u) -ne 0 ]]; then
    echo "setup: these Debian packages are missing and only root may install them; run this, then try again:" >&2
    echo "  sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update --quiet=2
  apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" >/dev/null
fi

# npm writes this file at the end of every install, so it is as new as the lock file that was installed.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  echo "setup: installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error
fi
