"""Guards the leases of all sites of a state folder, apart from their services; it needs no configuration.

A configuration that has a slip must not keep the guard from its work: the lease names all that it needs.
"""

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from darkstar_pipeline.service.control.guard import Guard
from darkstar_pipeline.service.home_assistant.lease import end_lease, look_at_lease
from darkstar_pipeline.service.state_folder import SERVING_LOCK, service_folder
from darkstar_pipeline.state.file_lock import is_locked
from darkstar_pipeline.state.folder_names import LOADS_FOLDER, SERVICE_FOLDER

SCAN_SECONDS = 2.0
_log = logging.getLogger("darkstar.guard")


class GuardService:
    """A guard in a thread of its own for every site that has, or gets, a folder.

    Args:
        home: the state folder.
        site: the only site to guard; None for all.
        guard: watches one folder for ever.
    """

    def __init__(
        self,
        home: Path,
        site: str | None = None,
        *,
        guard: Callable[[Path], object] = lambda folder: Guard(folder, stays=True).run(),
    ) -> None:
        self._home, self._site, self._guard = home, site, guard
        self._threads: dict[Path, threading.Thread] = {}

    def scan(self) -> None:
        """Have a guard on every folder, and replace a thread that has ended; nothing that fails here ends the rest."""
        try:
            for folder, site in self._guarded():
                thread = self._threads.get(folder)
                if thread is None or not thread.is_alive():
                    _end_what_nobody_holds(folder, site)
                    self._threads[folder] = threading.Thread(
                        target=self._guard,
                        args=(folder,),
                        name=f"guard of {folder.relative_to(site.parent)}",
                        daemon=True,
                    )
                    self._threads[folder].start()
        except Exception:  # noqa: BLE001 - a safety process lives on; it is tried again in two seconds
            _log.exception("the sites' folders cannot be watched")

    def _folders(self) -> list[Path]:
        if self._site is not None:
            return [service_folder(self._home, self._site)]
        root = self._home / SERVICE_FOLDER
        return [path for path in root.iterdir() if path.is_dir() and path.name[0] != "."] if root.is_dir() else []

    def _guarded(self) -> list[tuple[Path, Path]]:
        """Return the folders that may hold a lease, each site's and that of its movable loads, with the site's."""
        sites = self._folders()
        loads = ((site / LOADS_FOLDER, site) for site in sites if (site / LOADS_FOLDER).is_dir())
        return [*((site, site) for site in sites), *loads]

    def run(self, *, started: Callable[[], None]) -> None:
        """Guard until SIGTERM or SIGINT comes.

        Args:
            started: called when the folders were scanned for the first time.
        """
        stop = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            del number, frame
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        self.scan()
        started()
        while not stop.wait(SCAN_SECONDS):
            self.scan()


def _end_what_nobody_holds(folder: Path, site: Path) -> None:
    """End a lease whose service does not live; one that lives renews it."""
    try:
        lease = look_at_lease(folder).outstanding
        if lease is not None and not is_locked(site / SERVING_LOCK):
            end_lease(folder, lease)
    except OSError as error:  # it expires by itself
        _log.warning("the lease of %s cannot be ended: %s", folder.name, error)
