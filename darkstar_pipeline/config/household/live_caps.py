"""Settings of what gives way inside a slot, and of when others have the battery."""

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.household.entity_ids import EntityId

PowerSensor = Annotated[str, Field(pattern=r"^-?[a-z0-9_]+\.[a-z0-9_]+$", max_length=256)]
"""A sensor; a minus turns it round."""


class LiveCapSettings(Frozen):
    """Charging gives way inside a slot, before a fuse blows or the month's peak rises; off where nothing is set."""

    grid_power: PowerSensor | None = Field(
        default=None, description="sensor of the power at the grid connection, positive is import; -sensor.x turns it"
    )
    fuse_a: float | None = Field(
        default=None, ge=6, le=1000, description="main fuse: current of a phase that is not to be exceeded [A]"
    )
    phase_currents: tuple[EntityId, ...] = Field(
        default=(), max_length=3, description="sensors of each phase's current [A]; empty: a third of grid_power each"
    )
    battery_phases: Literal[1, 3] = Field(default=3, description="phases that the inverter charges from")
    month_peak: bool = Field(
        default=False,
        description="true: charging gives way where the running period would pass the month's peaks and the plan",
    )

    @model_validator(mode="after")
    def _can_be_seen(self) -> "LiveCapSettings":
        if self.month_peak and self.grid_power is None:
            raise ValueError("month_peak needs grid_power: the sensor that says how much is imported now")
        if self.fuse_a is not None and self.grid_power is None and not self.phase_currents:
            raise ValueError("fuse_a needs phase_currents, or grid_power: sensors that say what flows now")
        return self


class HandsOffWindow(Frozen):
    """A time of day in which others have the battery."""

    start: time = Field(description="local time at which it begins")
    end: time = Field(description="local time at which it ends; earlier than start: on the next day")
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(
        default=(), description="days on which it begins, 1 is Monday; empty: every day"
    )


class HandsOffSettings(Frozen):
    """Others, such as an aggregator, have the battery: its default is restored once, then nothing is written."""

    entity: EntityId | None = Field(
        default=None, description="switch, input_boolean or binary_sensor that is on while others have it; null: none"
    )
    windows: tuple[HandsOffWindow, ...] = Field(default=(), description="times at which others have it")

    @property
    def any(self) -> bool:
        """Return whether others ever have it."""
        return self.entity is not None or bool(self.windows)
