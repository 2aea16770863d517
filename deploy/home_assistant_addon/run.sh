#!/bin/sh
# Starts the planner in a Home Assistant add-on: options become environment, secrets stay out of the command line.
set -eu

option() { python -c 'import json, sys; print(json.load(open("/data/options.json")).get(sys.argv[1]) or "")' "$1"; }

DARKSTAR_TOKEN=$(option token)
DARKSTAR_MQTT_PASSWORD=$(option mqtt_password)
# The Supervisor's own token opens Home Assistant's interface at http://supervisor/core.
DARKSTAR_HA_TOKEN=${SUPERVISOR_TOKEN:-}
export DARKSTAR_TOKEN DARKSTAR_MQTT_PASSWORD DARKSTAR_HA_TOKEN

if [ ! -e "$DARKSTAR_CONFIG" ]; then
    darkstar init --yes
    echo "A first configuration is in the add-on's folder, darkstar.yaml: edit it and restart the add-on." >&2
fi
exec darkstar serve --host 0.0.0.0
