"""A warning of an outage in Home Assistant: a switch, a weather warning, or a number above a threshold."""

from datetime import datetime

from darkstar_pipeline.config.household.care import OutageWarningSettings
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.service.devices.sensor_values import StateReader, switched
from darkstar_pipeline.service.home_assistant.entity_values import number_of
from darkstar_pipeline.service.schemas.health import Component
from planner.wording.messages import phrase


class OutageWarning:
    """The warning of a site; what was known last holds while its entity cannot be read.

    Args:
        settings: entity, threshold and reserve.
        reader: reads Home Assistant; None where nobody does.
    """

    def __init__(self, settings: OutageWarningSettings, reader: StateReader | None = None) -> None:
        self.settings, self._reader = settings, reader
        self.warns, self._problem = False, "" if reader is not None else "Home Assistant is not read here"

    def poll(self) -> None:
        """Read the entity once."""
        if self._reader is None:
            return
        entity = self.settings.entity
        try:
            state = self._reader.state(entity)
        except DarkstarError as error:
            self._problem = f"{entity} cannot be read: {error.message}"
            return
        above = self.settings.above
        value = number_of(state)
        warns = switched(state) if above is None else None if value is None else value > above
        if warns is None:
            self._problem = f"{entity} tells nothing; what it said last holds"
            return
        self.warns, self._problem = warns, ""

    def key(self) -> tuple[object, ...]:
        """Return what changes whenever a plan is to be made anew."""
        return (self.warns,)

    def reserves(self, now: datetime) -> list[TimedReserve]:
        """Return the reserve that the warning asks for; none where there is no warning."""
        del now
        if not self.warns:
            return []
        return [
            TimedReserve(
                percent=self.settings.percent, cause=phrase("warning of {entity}", entity=self.settings.entity)
            )
        ]

    def components(self) -> list[Component]:
        """Return the state of the warning as a component of the service."""
        note = self._problem or (
            phrase("{entity} warns of an outage", entity=self.settings.entity) if self.warns else phrase("no warning")
        )
        return [Component(name="outage_warning", ok=not self._problem, note=note)]
