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
    for group in groups:
        signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while left := [group for group in groups if is_group_alive(group)]:
        if time.monotonic() > deadline:
            for group in left:
                signal_group(group, signal.SIGKILL)
            return
        time.sleep(_POLL_SECONDS)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; one that is gone, or is another user's by now, is passed over."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def is_group_alive(group: int) -> bool:
    """Return whether a process of a group is left, reaped or not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    watch(sys.stdin)
