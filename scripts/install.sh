#!/bin/sh
# Makes or mends .venv; `make` calls it when the stamp is older than pyproject.toml or the lock.
#   scripts/install.sh STAMP     PYTHON=python3.12 chooses the interpreter, else the first fitting one is taken
#   TORCH_INDEX=https://download.pytorch.org/whl/cpu takes PyTorch, and PyTorch alone, from there
# Everything is byte-compiled, because each Dagster run starts new processes: `import dagster` takes 0.5-1.0 s compiled
# and 1.9-2.6 s otherwise.
set -eu
stamp=$1
venv=.venv
unfinished=$venv.installing     # beside .venv, not inside: it must outlive the removal of a broken one

say() { printf '%s\n' "$*" >&2; }

fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if fits "$candidate"; then echo "$candidate"; return; fi
    done
    say "Darkstar needs Python 3.11, 3.12 or 3.13 with venv and pip; tried: ${PYTHON:-python3 python3.13 python3.12 python3.11}"
    for candidate in ${PYTHON:-python3}; do say "  $candidate is $("$candidate" --version 2>&1 || echo 'not there')"; done
    say "Install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 ..."
    exit 1
}

# Two installs into one .venv would break each other; a dead one leaves packages half copied, which pip cannot see.
if [ -f "$unfinished" ]; then
    other=$(cat "$unfinished")
    if [ -n "$other" ] && kill -0 "$other" 2>/dev/null; then
        say "Another install (process $other) is running here; wait for it, or remove $unfinished if it is not an install."
        exit 1
    fi
    say "The last install did not finish: starting over."
    rm -rf "$venv"
fi
if [ -d "$venv" ] && ! fits "$venv/bin/python"; then
    say ".venv holds no usable Python 3.11-3.13: starting over."
    rm -rf "$venv"
fi

echo $$ > "$unfinished"
if [ ! -d "$venv" ]; then
    python=$(find_python) || { rm -f "$unfinished"; exit 1; }
    say "Creating .venv with $("$python" --version) ($python)"
    "$python" -m venv "$venv"
fi
python=$venv/bin/python
say "Installing what Darkstar needs, by its hashes (about a minute)"
# uv first, and by its hash too. Without it, pip alone does everything.
only_uv=$(mktemp)
trap 'rm -f "$only_uv"' EXIT
awk '/^uv==/ {mine = 1; print; next} /^[^ ]/ {mine = 0} mine' locks/development.txt > "$only_uv"
"$python" -m pip install --quiet --require-hashes --no-deps -r "$only_uv" || say "uv cannot be had here: pip does everything"
scripts/locked.sh "$python" locks/development.txt
say "Installing PyTorch (the largest part; downloads are kept in pip's cache)"
# It alone has no hash: its builds differ, and those for CPUs are in an index of their own. It comes last, when all that
# it needs is there except CUDA's libraries: from TORCH_INDEX and nowhere else where that is set, else as pip is set up.
torch_pin=$(grep '^torch==' constraints.txt)
if [ -n "${TORCH_INDEX:-}" ]; then
    env -u PIP_EXTRA_INDEX_URL -u PIP_FIND_LINKS PIP_CONFIG_FILE=/dev/null \
        "$python" -m pip install --quiet --no-deps --index-url "$TORCH_INDEX" "$torch_pin"
fi
"$python" -m pip install --quiet "$torch_pin"
say "Installing Darkstar itself"
"$python" -m pip install --quiet --no-deps --no-build-isolation -e .
# pip compiles what it installs unless it is told not to, so mostly this only looks. Files for other Pythons may not compile.
"$python" -m compileall -qq -j 0 "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
# `dg` reads .env and wants the folder that it names to exist.
"$python" -m darkstar_pipeline.orchestration.instance
rm -f "$unfinished"
touch "$stamp"
