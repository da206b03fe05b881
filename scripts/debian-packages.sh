#!/usr/bin/env bash
# Installs the named Debian packages, or those in debian-packages.txt, which the tests use. Skips installed ones.
set -euo pipefail
cd "$(dirname "$0")"

((${#})) || set -- $(sed 's/#.*//' debian-packages.txt)
missing=()
for package in "$@"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

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
