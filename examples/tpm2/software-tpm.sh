#!/usr/bin/env bash
# A software TPM 2.0 for experiments: software-tpm.sh start FOLDER | stop FOLDER
# `start` writes FOLDER/environment: source it, and tpm2-tools and tpm2-pkcs11 use this TPM.
# A hardware TPM needs no start: they find /dev/tpmrm0.
set -euo pipefail

command=${1:-}
folder=${2:-}
if [[ ($command != start && $command != stop) || -z $folder ]]; then
  echo "usage: software-tpm.sh start FOLDER | stop FOLDER" >&2
  exit 2
fi

stop() {
  for name in abrmd swtpm dbus; do
    if [[ -s $folder/$name.pid ]]; then kill "$(cat "$folder/$name.pid")" 2>/dev/null || true; fi
    rm -f "$folder/$name.pid"
  done
}

wait_for() {
  for _ in $(seq 100); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "software-tpm: gave up waiting for: $*" >&2
  return 1
}

start() {
  mkdir -p "$folder/tpm" "$folder/store"
  folder=$(cd "$folder" && pwd)
  trap stop ERR
  swtpm_setup --tpm2 --tpmstate "$folder/tpm" --createek >"$folder/swtpm.log" 2>&1

  # The resource manager uses a port and the next one: two adjacent free ports are required.
  for _ in $(seq 20); do
    port=$((20000 + RANDOM % 20000))
    swtpm socket --tpm2 --tpmstate dir="$folder/tpm" --flags not-need-init,startup-clear \
      --server type=tcp,bindaddr=127.0.0.1,port=$port --ctrl type=tcp,bindaddr=127.0.0.1,port=$((port + 1)) \
      --pid file="$folder/swtpm.pid" --daemon >>"$folder/swtpm.log" 2>&1 && break
  done
  wait_for test -s "$folder/swtpm.pid"

  # Its own bus and resource manager: without one, a TPM soon runs out of memory for objects.
  dbus-daemon --session --address="unix:path=$folder/bus" --fork --print-pid >"$folder/dbus.pid"
  wait_for test -S "$folder/bus"
  DBUS_SESSION_BUS_ADDRESS="unix:path=$folder/bus" \
    tpm2-abrmd --session --allow-root --flush-all --tcti="swtpm:host=127.0.0.1,port=$port" \
    >"$folder/abrmd.log" 2>&1 </dev/null &
  echo $! >"$folder/abrmd.pid"

  cat >"$folder/environment" <<END
export DBUS_SESSION_BUS_ADDRESS=unix:path=$folder/bus
export TPM2TOOLS_TCTI=tabrmd:bus_type=session
export TPM2_PKCS11_TCTI=tabrmd:bus_type=session
export TPM2_PKCS11_STORE=$folder/store
END
  # shellcheck source=/dev/null
  source "$folder/environment"
  wait_for tpm2_getrandom 1
}

"$command"
