#!/bin/sh
# Makes .venv-ha: a real Home Assistant for the tests of control, under the Python that it runs on. `make test` calls it.
#   PYTHON_HA=/path/to/python3.13 scripts/home_assistant.sh      chooses the interpreter
# Where it cannot be made it says so; the tests that need it are left out and named at the end (where CI is set, they fail).
set -eu
cd "$(dirname "$0")/.."
venv=.venv-ha
wanted=scripts/home_assistant.txt
stamp=$venv/.installed

say() { printf '%s\n' "$*" >&2; }
fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; }
give_up() {
    rm -rf "$venv"
    say "$1"
    say "The tests of Home Assistant will be left out. To have them: pyenv install 3.13, or PYTHON_HA=/path/to/python3.13 make test"
    exit 0
}

if [ -f "$stamp" ] && cmp -s "$stamp" "$wanted" && fits "$venv/bin/python"; then exit 0; fi

python=
for candidate in ${PYTHON_HA:-} python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python; do
    if [ -n "$candidate" ] && fits "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ] && [ -x .venv/bin/uv ]; then
    say "Fetching Python 3.13 for Home Assistant"
    .venv/bin/uv python install --quiet 3.13 >/dev/null 2>&1 || true
    candidate=$(.venv/bin/uv python find 3.13 2>/dev/null || true)
    if [ -n "$candidate" ] && fits "$candidate"; then python=$candidate; fi
fi
[ -n "$python" ] || give_up "Home Assistant needs Python 3.13, and none was found or could be fetched."

say "Creating $venv with $("$python" --version): Home Assistant for the tests (a minute or two)"
rm -rf "$venv"
"$python" -m venv "$venv"
if [ -x .venv/bin/uv ]; then      # pip takes minutes over the hundred pins
    .venv/bin/uv pip install --quiet --python "$venv/bin/python" -r "$wanted" || give_up "Home Assistant could not be installed."
else
    "$venv/bin/python" -m pip install --quiet -r "$wanted" || give_up "Home Assistant could not be installed."
fi
cp "$wanted" "$stamp"
