"""Fetched forecasts of gusts and thunder as a part of the service: the reserves that they ask for, and their state."""

from datetime import datetime

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.planning.weather_warnings import missing_forecast, weather_reserves
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.schemas.health import Component
from planner.wording.messages import joined, phrase


class WeatherWarning:
    """The weather warning of a site.

    Args:
        context: the site.
        clock: the service's clock.
    """

    def __init__(self, context: Context, clock: Clock) -> None:
        self._context, self._clock = context, clock

    def key(self, now: datetime) -> tuple[object, ...]:
        """Return what changes whenever a plan is to be made anew."""
        return tuple((each.percent, each.since, each.until) for each in self.reserves(now))

    def reserves(self, now: datetime) -> list[TimedReserve]:
        """Return the reserves that forecasts ask for."""
        return weather_reserves(self._context, now)

    def components(self) -> list[Component]:
        """Return the state of the warning as a component of the service."""
        now = self._clock.now()
        problem = missing_forecast(self._context, now)
        note = problem or joined("; ", [each.cause for each in self.reserves(now)]) or phrase("no storm is forecast")
        return [Component(name="weather_warning", ok=not problem, note=note)]
