#!/bin/sh
# Programs that some tests drive: Chromium for the page, a broker for MQTT, Postgres. `make test` calls it.
# What cannot be had is said here; the tests that need it are left out and named at the end (where CI is set, they fail).
set -eu

say() { printf '%s\n' "$*" >&2; }

has_chromium() {
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1 || playwright_chromium
}
# Playwright's own browser lies in the user's cache.
playwright_chromium() {
    .venv/bin/python -c 'import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as driver: sys.exit(not os.path.exists(driver.chromium.executable_path))' >/dev/null 2>&1
}
has_broker() { command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || [ -x .venv-mqtt/bin/amqtt ]; }
has_postgres() { command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

missing=
has_chromium || missing="$missing chromium"
has_broker || missing="$missing mosquitto"
has_postgres || missing="$missing postgresql"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "Installing$missing (Debian's packages)"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 - several words are meant
    apt-get install -y -qq $missing >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -y -qq $missing >/dev/null; } || true
fi
if ! has_chromium; then
    say "Fetching Playwright's own Chromium (no root needed)"
    .venv/bin/playwright install chromium >/dev/null 2>&1 || true
fi
has_chromium || say "No Chromium: the tests of the page will be left out. Install it (sudo apt install chromium)."
if ! has_broker; then
    say "Installing aMQTT, a broker from the package index, into .venv-mqtt (no root needed)"
    if ! { .venv/bin/python -m venv .venv-mqtt && .venv-mqtt/bin/python -m pip install --quiet "amqtt==0.12.1"; }; then
        rm -rf .venv-mqtt
    fi
fi
has_postgres || say "No Postgres: the tests of a fleet's records will be left out. Install it (sudo apt install postgresql)."
has_broker || say "No MQTT broker: the tests of MQTT will be left out. Install one (sudo apt install mosquitto)."
exit 0
