#!/bin/sh
# Installs what a lock file names, and nothing else: every file must have a hash that the lock knows, whatever index or
# wheel folder it comes from, and nothing beside the lock is taken along.
#   scripts/locked.sh PYTHON LOCK [OPTION...]     options go to the installer, such as --target FOLDER
# uv, where that Python has it, does in seconds what takes pip a minute. Where uv cannot work (an index that only pip is
# configured for, a platform without its wheel), pip does the same.
set -eu
python=$1 lock=$2
shift 2

say() { printf '%s\n' "$*" >&2; }

if "$python" -m uv --version >/dev/null 2>&1; then
    if "$python" -m uv pip install --quiet --python "$python" --require-hashes --no-deps -r "$lock" "$@"; then exit 0; fi
    say "uv could not install $lock; pip tries"
fi
if ! "$python" -m pip install --quiet --require-hashes --no-deps -r "$lock" "$@"; then
    say "What $lock names could not be installed. Where a hash does not match, the file is not the one that was locked:"
    say "find out where it comes from before you do anything else. Where none is offered, look at pip's index settings."
    exit 1
fi
