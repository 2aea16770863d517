"""Watches a lease from a process of its own, and leaves the inverter to itself when the lease ends.

It outlives the service, however that ends, and Home Assistant's being away: it tries until the default stands. It goes
when the lease is released or the default was restored; a service that steers on starts another.

    python -m darkstar_pipeline.service.home_assistant.watchdog FOLDER
"""

import logging
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from darkstar_pipeline.service.home_assistant.client import TOKEN_VARIABLE, HomeAssistantClient, HomeAssistantError
from darkstar_pipeline.service.home_assistant.lease import Lease, read_lease, write_lease
from darkstar_pipeline.service.secrets import secret

LOCK_FILE = "watchdog.lock"
LOOK_SECONDS = 1.0
_log = logging.getLogger("darkstar.watchdog")


def watch(folder: Path, *, look_seconds: float = LOOK_SECONDS) -> bool:
    """Watch the lease in a folder until there is nothing to guard.

    Args:
        folder: of the lease.
        look_seconds: between two looks [s].

    Returns:
        Whether the default was restored; False where the lease was released, or another watchdog is there.
    """
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            return _watch(folder, look_seconds)
    except Timeout:
        return False


def _watch(folder: Path, look_seconds: float) -> bool:
    held: Lease | None = None
    while True:
        held = read_lease(folder) or held  # a damaged file ends nothing: what was read last holds
        if held is None or held.released:
            return False
        if held.ended and _restored(held):
            write_lease(folder, held.model_copy(update={"released": True}))
            _log.warning("the lease ended; the inverter is left by itself")
            return True
        time.sleep(look_seconds)


def _restored(lease: Lease) -> bool:
    """Whether Home Assistant took the default."""
    token = secret(TOKEN_VARIABLE, None if lease.token_file is None else Path(lease.token_file))
    taken = True
    with HomeAssistantClient(lease.url, token or "") as client:
        for call in lease.restore:
            try:
                client.call(call.domain, call.service, call.data)
            except HomeAssistantError as error:  # the others may be taken all the same
                _log.warning("the default cannot be restored yet: %s", error.message)
                taken = False
    return taken


def main() -> None:
    """Watch the folder that is named."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    watch(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
