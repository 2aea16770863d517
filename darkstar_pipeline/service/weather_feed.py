"""Has the site's weather fetched where the service runs alone; beside Dagster's schedule it finds nothing to do.

Nothing here holds up planning: a source that fails is asked again later, and the old forecasts stay.
"""

from collections.abc import Callable

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.fetching.weather.due import weather_is_due
from darkstar_pipeline.fetching.weather.forecasts import WeatherFetched, fetch_forecasts
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component

FIRST_SECONDS = 30.0
LOOK_SECONDS = 300.0


class WeatherFeed:
    """Fetches forecasts of weather and of the panels every few hours.

    Args:
        context: the site.
        clock: the service's clock.
        fetch: fetches the forecasts of a site.
    """

    def __init__(
        self, context: Context, clock: Clock, *, fetch: Callable[[Context], WeatherFetched] = fetch_forecasts
    ) -> None:
        self._context, self._clock, self._fetch = context, clock, fetch
        self._periodic = PeriodicCheck(
            self.check, name="weather feed", first_seconds=FIRST_SECONDS, seconds=LOOK_SECONDS
        )
        self._problem = ""

    def start(self) -> None:
        """Start looking, in a thread of its own."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop looking; a fetch that is under way is left behind: it can be killed at any moment."""
        self._periodic.stop(timeout=1)

    def check(self) -> None:
        """Fetch where it is due."""
        try:
            if not weather_is_due(self._context, self._clock.now()):
                return
            fetched = self._fetch(self._context)
        except DarkstarError as error:
            self._problem = f"{error.message}; {error.hint}" if error.hint else error.message
            return
        failures = [f"{error.message}; {error.hint}" for error in fetched.failures]
        self._problem = "; ".join([*failures, *fetched.notes]) if fetched.missing else ""

    def status(self) -> Component:
        """Return the state as a component of the service."""
        if self._problem:
            return Component(name="weather_sources", ok=False, note=self._problem)
        return Component(name="weather_sources", ok=True, note="forecasts of weather are fetched every three hours")
