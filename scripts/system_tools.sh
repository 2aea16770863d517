#!/bin/sh
# Programs that the tests drive and no wheel brings: Chromium for the page, mosquitto for MQTT. `make test` calls it.
set -eu

missing=
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing (Debian's packages)" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 - several words are meant
    apt-get install -y -qq $missing >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq $missing >/dev/null; }
    exit 0
fi
echo "The tests need$missing. Install them (Debian, Ubuntu: sudo apt install$missing) and try again." >&2
exit 1
