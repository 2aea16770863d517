#!/bin/sh
# Makes .venv-ha: a real Home Assistant for the tests of control, under the Python that it runs on. `make test` calls it.
#   PYTHON_HA=/path/to/python3.13 scripts/home_assistant.sh      chooses the interpreter
set -eu
cd "$(dirname "$0")/.."
venv=.venv-ha
wanted=scripts/home_assistant.txt
stamp=$venv/.installed

say() { printf '%s\n' "$*" >&2; }
fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; }

if [ -f "$stamp" ] && cmp -s "$stamp" "$wanted" && fits "$venv/bin/python"; then exit 0; fi

python=
for candidate in ${PYTHON_HA:-} python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python; do
    if [ -n "$candidate" ] && fits "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    say "The tests of Home Assistant need Python 3.13 with venv and pip, and found none."
    say "Install one (pyenv install 3.13), or name it: PYTHON_HA=/path/to/python3.13 make test"
    exit 1
fi

say "Creating $venv with $("$python" --version): Home Assistant for the tests (a minute or two)"
rm -rf "$venv"
"$python" -m venv "$venv"
if [ -x .venv/bin/uv ]; then      # pip takes minutes over the hundred pins
    .venv/bin/uv pip install --quiet --python "$venv/bin/python" -r "$wanted"
else
    "$venv/bin/python" -m pip install --quiet -r "$wanted"
fi
cp "$wanted" "$stamp"
