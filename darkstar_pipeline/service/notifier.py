"""Tells a person what is broken at the home's sources where the service runs alone.

Beside Dagster's sensor it has nothing to add: both keep one ledger, and whoever looks first tells.
"""

from collections.abc import Callable

from darkstar_pipeline.channels.configured import channels_of
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.notifications.causes import findings_of_sources
from darkstar_pipeline.notifications.telling import tell_changes
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component

FIRST_SECONDS = 90.0
"""Wait after the start: what is missing is fetched first [s]."""
LOOK_SECONDS = 600.0


class Notifier:
    """Looks at the sources every ten minutes, and tells what is broken and what is mended.

    Args:
        context: returns the site with its settings as they are now.
        clock: the service's clock.
    """

    def __init__(self, context: Callable[[], Context], clock: Clock) -> None:
        self._context, self._clock = context, clock
        self._periodic = PeriodicCheck(self.check, name="notifier", first_seconds=FIRST_SECONDS, seconds=LOOK_SECONDS)
        self._problem = ""

    def start(self) -> None:
        """Start looking, in a thread of its own."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop looking; a message that is under way is left behind, and is told again by the next service."""
        self._periodic.stop(timeout=1)

    def check(self) -> None:
        """Look, and tell what is new."""
        context, now = self._context(), self._clock.now()
        try:
            channels = channels_of(context.site_settings)
            if channels:
                told = tell_changes(context, findings_of_sources(context, now), channels, now)
                self._problem = "; ".join(told.failed)
        except DarkstarError as error:
            self._problem = f"{error.message}; {error.hint}" if error.hint else error.message

    def status(self) -> Component:
        """Return the state as a component of the service."""
        return Component(name="notifications", ok=not self._problem, note=self._problem)
