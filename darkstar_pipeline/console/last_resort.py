"""Ends supervised programs whose supervisor was killed: a process that outlives it and does nothing else.

It reads process groups from its standard input, one a line, until `done`, or until the end of the stream, which comes
when the supervisor has died. `python -m darkstar_pipeline.console.last_resort` is started by the supervisor itself.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence

DONE = "done"
GRACE_SECONDS = 10.0
"""Time between SIGTERM and SIGKILL [s]."""
_POLL_SECONDS = 0.2


def watch(lines: Iterable[str]) -> None:
    """Read process groups; end them where the stream ends without `done`."""
    groups: list[int] = []
    for line in lines:
        if line.strip() == DONE:
            return
        groups.append(int(line))
    end_groups(groups)


def end_groups(groups: Sequence[int], *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask process groups to end, and kill what is left after a while."""
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while left := [group for group in groups if _is_alive(group)]:
        if time.monotonic() > deadline:
            _signal(left, signal.SIGKILL)
            return
        time.sleep(_POLL_SECONDS)


def _signal(groups: Iterable[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    watch(sys.stdin)
