"""Ends the lease that an earlier run left behind, in every mode: control on, off, dry, and a trial."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.service.control.lease_keeper import Guards
from darkstar_pipeline.service.home_assistant.entity_values import service_call
from darkstar_pipeline.service.home_assistant.lease import (
    LEASE_FILE,
    Lease,
    absolute,
    boot_id,
    end_lease,
    look_at_lease,
    write_lease,
)
from darkstar_pipeline.service.home_assistant.translation import translator_of
from darkstar_pipeline.service.schemas.health import Component

POLL_SECONDS = 2.0
DAMAGED = "lease.json.damaged"
_log = logging.getLogger(__name__)


class OutstandingLease:
    """Has a guard end the lease that stood in the state folder at the start.

    Args:
        folder: folder of the lease file.
        guards: has a live guard stand on the folder.
        fallback: an expired lease of the present settings, for a file that cannot be read; None where they name no
            inverter.
        is_ours: whether the lease may be ended; False where another service lives that holds it.
    """

    def __init__(
        self, folder: Path, guards: Guards, *, fallback: Lease | None, is_ours: Callable[[], bool] = lambda: True
    ) -> None:
        self._folder, self._guards, self._fallback, self._is_ours = folder, guards, fallback, is_ours
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._found: Lease | None = None
        self._problem = ""

    def start(self) -> None:
        """End the lease in a thread of its own, where there is one; until that is done, nothing else writes."""
        if self._done_safely():
            return
        self._thread = threading.Thread(target=self._run, name="outstanding lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; the guard goes on."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=POLL_SECONDS)

    def components(self) -> list[Component]:
        """Return the lease as a component of the service while it is outstanding."""
        return [Component(name="lease", ok=False, note=self._problem)] if self._problem else []

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS) and not self._done_safely():
            pass

    def _done_safely(self) -> bool:
        try:
            return self.step()
        except Exception as error:  # noqa: BLE001 - a full disk or a missing right is tried again, and told
            self._problem = f"the lease of an earlier run cannot be ended yet: {type(error).__name__}: {error}"
            return False

    def step(self) -> bool:
        """Look at the lease, once; return whether nothing is outstanding.

        Raises:
            OSError: the disk does not take the lease, or no guard can be started.
        """
        reading = look_at_lease(self._folder)
        if reading.problem and self._found is None:
            return self._replaced(reading.problem)
        lease = reading.outstanding
        if lease is None or not self._is_ours():
            return self._over()
        if self._found is None:
            self._found = lease
            _log.warning("a lease of an earlier run is outstanding: the inverter's default is restored first")
        if lease.restore != self._found.restore or (not lease.expired and lease != self._found):
            return self._over()  # the controller's own by now
        self._problem = "the lease of an earlier run is outstanding; the guard restores the inverter's default"
        end_lease(self._folder, lease)
        self._guards.ensure()
        return False

    def _over(self) -> bool:
        self._problem = ""
        return True

    def _replaced(self, problem: str) -> bool:
        """Put a lease of the present settings in the place of a file that cannot be read; return False."""
        self._problem = f"{problem}; look at the inverter, then run `darkstar control release`"
        if self._fallback is not None and self._is_ours():
            (self._folder / LEASE_FILE).replace(self._folder / DAMAGED)
            write_lease(self._folder, self._fallback)
        return False


def default_lease(
    settings: HomeAssistantSettings, discharge_kw: float, ca_file: Path | None = None, *, curtailable: bool = False
) -> Lease | None:
    """Return an expired lease that restores the default of the settings; None where they name no inverter.

    Args:
        settings: of the site's Home Assistant.
        discharge_kw: the battery's largest discharge power [kW].
        ca_file: certificate authority that is trusted beside the system's.
        curtailable: whether surplus may be curtailed.
    """
    writes = translator_of(settings.control, discharge_kw, throttles=curtailable).default()
    if settings.url is None or not writes:
        return None
    return Lease(
        url=settings.url,
        token_file=absolute(settings.token_file),
        ca_file=absolute(ca_file),
        restore=[service_call(write) for write in writes],
        boot=boot_id(),
        ends=0.0,
    )
