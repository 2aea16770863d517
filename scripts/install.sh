#!/bin/sh
# Makes or mends .venv; `make` calls it when the stamp is older than pyproject.toml or constraints.txt.
#   scripts/install.sh STAMP     PYTHON=python3.12 chooses the interpreter, else the first fitting one is taken
# PyTorch goes first and alone: with it in place nothing later pulls another build. Everything is byte-compiled, because
# each Dagster run starts new processes: `import dagster` takes 0.5-1.0 s compiled and 1.9-2.6 s otherwise.
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
say "Installing PyTorch (the largest part; downloads are kept in pip's cache)"
"$python" -m pip install --quiet -c constraints.txt "$(grep '^torch==' constraints.txt)"
say "Installing Darkstar and what it needs (about a minute)"
# uv resolves the two hundred pins in a second where pip takes minutes. It takes the PyTorch that is there. Where it cannot
# work (an index that only pip is configured for, a platform without its wheel), pip does the same.
uv_pin=$(grep '^uv==' constraints.txt)
if "$python" -m pip install --quiet "$uv_pin" && "$python" -m uv pip install --quiet --python "$python" -c constraints.txt \
    -e '.[dev,bench]'; then :; else
    say "uv could not install; pip tries (some minutes)"
    "$python" -m pip install --quiet -c constraints.txt -e '.[dev,bench]'
fi
# pip compiles what it installs unless it is told not to, so mostly this only looks. Files for other Pythons may not compile.
"$python" -m compileall -qq -j 0 "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
# `dg` reads .env and wants the folder that it names to exist.
"$python" -m darkstar_pipeline.orchestration.instance
rm -f "$unfinished"
touch "$stamp"
