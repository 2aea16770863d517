"""Watches a lease from a process of its own, and restores the inverter's default when the lease expires.

It outlives the service, however that ends, and an absent Home Assistant: it retries until the default is accepted. It
ends when the lease is released or the default was restored; a service that goes on controlling starts another.

    python -m darkstar_pipeline.service.home_assistant.watchdog FOLDER
"""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from darkstar_pipeline.service.home_assistant.client import TOKEN_VARIABLE, HomeAssistantClient, HomeAssistantError
from darkstar_pipeline.service.home_assistant.lease import Lease, read_lease, write_lease
from darkstar_pipeline.service.secrets import secret
from darkstar_pipeline.state.file_lock import is_locked, wait_until_free

LOCK_FILE = "watchdog.lock"
LOG_FILE = "watchdog.log"
POLL_SECONDS = 1.0
_log = logging.getLogger("darkstar.watchdog")


def watch(folder: Path, *, poll_seconds: float = POLL_SECONDS) -> bool:
    """Watch the lease of a folder until there is nothing left to guard.

    Args:
        folder: folder of the lease file.
        poll_seconds: time between two checks [s].

    Returns:
        Whether the default was restored; False where the lease was released, or another watchdog is running.
    """
    try:
        with FileLock(folder / LOCK_FILE, timeout=0, fallback_to_soft=False):
            return _watch(folder, poll_seconds)
    except Timeout:
        return False


def watchdog_runs(folder: Path) -> bool:
    """Return whether a watchdog, of any version, is running on a folder."""
    return is_locked(folder / LOCK_FILE)


def wait_for_watchdog(folder: Path, timeout: float) -> bool:
    """Wait until no watchdog is running on a folder, at most so many seconds; return whether none is."""
    return wait_until_free(folder / LOCK_FILE, timeout)


def start_watchdog(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a watchdog on a folder, in a session of its own, so that what ends the service does not end it.

    Raises:
        OSError: the process cannot be started, or its log cannot be opened.
    """
    with (folder / LOG_FILE).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-P", "-m", "darkstar_pipeline.service.home_assistant.watchdog", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=dict(os.environ),
            start_new_session=True,
            cwd=Path.cwd(),
        )


def _watch(folder: Path, poll_seconds: float) -> bool:
    lease: Lease | None = None
    while True:
        lease = read_lease(folder) or lease  # a damaged file ends nothing: the lease that was read last holds
        if lease is None or lease.released:
            return False
        if lease.expired and _restore(lease):
            if read_lease(folder) not in (None, lease):
                continue  # a step of the service that was slow has renewed it meanwhile
            write_lease(folder, lease.model_copy(update={"released": True}))
            _log.warning("the lease expired; the inverter's default was restored")
            return True
        time.sleep(poll_seconds)


def _restore(lease: Lease) -> bool:
    """Call the services that restore the default; return whether Home Assistant accepted all of them."""
    token = secret(TOKEN_VARIABLE, None if lease.token_file is None else Path(lease.token_file))
    accepted = True
    with HomeAssistantClient(lease.url, token or "") as client:
        for call in lease.restore:
            try:
                client.call(call.domain, call.service, call.data)
            except HomeAssistantError as error:  # the others may be accepted all the same
                _log.warning("the default cannot be restored yet: %s", error.message)
                accepted = False
    return accepted


def main() -> None:
    """Watch the folder that the command line names."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    watch(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
