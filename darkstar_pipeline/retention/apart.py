"""Retention in a process of its own: whether it is due, its start, and waiting for it."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from darkstar_pipeline.config.settings import config_path
from darkstar_pipeline.retention.cleaning import last_cleaning
from darkstar_pipeline.state.migrations import STATE_FILE

MODULE = "darkstar_pipeline.retention"
EVERY = timedelta(hours=24)
MOST_SECONDS = 900.0
"""A process that takes longer is killed; what it has not done is done the next day [s]."""


def is_due(home: Path, now: datetime) -> bool:
    """Return whether a day has gone by since retention was applied, or since the state folder was made.

    A time ahead of the clock does not count: the clock may have been wrong.
    """
    last = last_cleaning(home)
    if last is not None:
        return not timedelta() <= now - last.at < EVERY
    try:
        made = datetime.fromtimestamp((home / STATE_FILE).stat().st_mtime, UTC)
    except OSError:
        return False
    return now - made >= EVERY


def start_retention(home: Path) -> "subprocess.Popen[bytes]":
    """Start the process that applies retention.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - our own command, no shell
        [sys.executable, "-P", "-m", MODULE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DARKSTAR_HOME": str(home), "DARKSTAR_CONFIG": str(config_path())},
    )


def apply_where_due(home: Path) -> str:
    """Apply retention where a day has gone by, and wait for it.

    Returns:
        What went wrong; empty where nothing did.
    """
    if not is_due(home, datetime.now(UTC)):
        return ""
    try:
        process = start_retention(home)
    except OSError as error:
        return f"retention cannot be started: {error.strerror or error}"
    try:
        code = process.wait(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"retention took more than {MOST_SECONDS:.0f} s and was killed"
    last = last_cleaning(home)
    problems = [f"it ended with {code}"] if code else list(() if last is None else last.problems)
    return f"retention: {'; '.join(problems)}; see `darkstar clean --dry-run`" if problems else ""
