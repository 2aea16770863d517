"""Caps charging inside a slot by what the grid's sensors say: a phase's current, the running period's mean.

The plan knows the slot on average; an oven that is switched on it does not. Charging gives way at once, in steps of a
quarter of a kW, and comes back only where there has been room for two minutes. Every change is a write: after four in a
slot charging only goes down.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from darkstar_pipeline.config.household.live_caps import LiveCapSettings
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.control.peak_window import WindowMeter, peak_window
from darkstar_pipeline.service.home_assistant.entity_values import State, number_of, unit_of
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from env.site import Site

VOLTS = 230.0
STEP_KW = 0.25
ROOM_KW = 0.5
"""Charging comes back only where at least so much more is possible [kW]."""
ROOM_SECONDS = 120.0
LONGEST_ROOM_SECONDS = 3600.0
"""Where charging came back and had to give way again within this time, the room is waited for twice as long [s]."""
SETTLING_SECONDS = 15.0
"""After a change the grid's sensors are given so long to show it [s]."""
MOST_CHANGES = 4
BLIND_SECONDS = 60.0
Read = Callable[[str], State | None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CapInputs:
    """Inputs of live caps.

    Attributes:
        settings: sensors and limits.
        site: the home.
        plan: returns the plan in force.
        monotonic: seconds that only rise [s].
    """

    settings: LiveCapSettings
    site: Site
    plan: Callable[[], PlanDocument]
    monotonic: Callable[[], float]


class LiveCaps:
    """Caps the charging power of commands.

    Args:
        inputs: what caps rest on.
    """

    def __init__(self, inputs: CapInputs) -> None:
        self._inputs, self._settings = inputs, inputs.settings
        self._meter = WindowMeter(inputs.monotonic)
        self._cap_kw: float | None = None
        self._slot: datetime | None = None
        self._changes = 0
        self._room_since: float | None = None
        self._room_seconds, self._raised_at = ROOM_SECONDS, -math.inf
        self._charging_kw: float = 0.0
        self._moved_at: float = -math.inf
        self._seen_at = inputs.monotonic()
        self.note = ""

    def limited(self, command: CommandDocument, now: datetime, read: Read) -> CommandDocument:
        """Return a command whose charging gives way to what else flows.

        Args:
            command: in force.
            now: the moment.
            read: reads the state of an entity.
        """
        if command.slot_start != self._slot:
            self._slot, self._changes = command.slot_start, 0
        room = self._room(command.charge_kw, now, read)
        if command.charge_kw <= 0:
            self._cap_kw, self.note = None, ""
        elif room is not None and self._inputs.monotonic() - self._moved_at >= SETTLING_SECONDS:
            self._decide(command.charge_kw, max(self._charging_kw + room[0], 0.0), room[1])
        power = command.charge_kw if self._cap_kw is None else min(self._cap_kw, command.charge_kw)
        if power != self._charging_kw:
            self._charging_kw, self._moved_at = power, self._inputs.monotonic()
        return command if power == command.charge_kw else command.model_copy(update={"charge_kw": power})

    def _decide(self, wanted: float, possible: float, why: str) -> None:
        """Lower the cap at once, raise it where there was room for a while."""
        now, stepped = self._inputs.monotonic(), math.floor(min(possible, wanted) / STEP_KW + 1e-9) * STEP_KW
        standing = wanted if self._cap_kw is None else min(self._cap_kw, wanted)
        if possible < standing - 0.01:
            self._room_since = None
            back = now - self._raised_at < LONGEST_ROOM_SECONDS
            self._room_seconds = min(2 * self._room_seconds, LONGEST_ROOM_SECONDS) if back else ROOM_SECONDS
            self._raised_at = -math.inf
            self._change(stepped, f"charging gives way to {stepped:g} kW: {why}")
        elif self._cap_kw is None or possible < min(standing + ROOM_KW, wanted):
            self._room_since = None
        elif self._room_since is None:
            self._room_since = now
        elif now - self._room_since >= self._room_seconds and self._changes < MOST_CHANGES:
            self._room_since, self._raised_at = None, now
            self._change(None if possible >= wanted else stepped, "" if possible >= wanted else self.note)

    def _change(self, cap_kw: float | None, note: str) -> None:
        self._changes += 1
        if cap_kw is not None and self._changes > MOST_CHANGES:
            cap_kw = 0.0  # a load that comes and goes: no more writes in this slot
            note = "charging waits for the next slot: what else flows comes and goes"
        if note and note != self.note:
            _log.info("%s", note)
        self._cap_kw, self.note = cap_kw, note

    def _room(self, charge_kw: float, now: datetime, read: Read) -> tuple[float, str] | None:
        """Return by how much charging may rise, negative where it has to fall [kW], and why; None: nothing says it."""
        grid = self._grid_kw(read)
        rooms = [each for each in (self._fuse_room(grid, read), self._peak_room(grid, now)) if each is not None]
        if rooms:
            self._seen_at = self._inputs.monotonic()
            return min(rooms)
        if charge_kw > 0 and self._sees_nothing and (self._settings.fuse_a or self._settings.month_peak):
            self.note = "the grid's sensors have no value: charging is not held to the fuse or the month's peak"
        return None

    @property
    def _sees_nothing(self) -> bool:
        return self._inputs.monotonic() - self._seen_at > BLIND_SECONDS

    def _fuse_room(self, grid_kw: float | None, read: Read) -> tuple[float, str] | None:
        """Return the room below the fuse, on the phase with the least."""
        fuse = self._settings.fuse_a
        if fuse is None:
            return None
        currents = [_value(read, entity, {"A": 1.0, "mA": 0.001}) for entity in self._settings.phase_currents]
        known = [current for current in currents if current is not None]
        unseen = (len(currents) or 3) - len(known)
        if unseen and grid_kw is not None:
            known.append(max(grid_kw * 1000 / VOLTS - sum(known), 0.0) / unseen)
            unseen = 0
        if not known:
            return None
        room_a = fuse - max(known)
        if unseen and room_a > 0:
            return None  # what is not seen may have none
        return room_a * VOLTS * self._settings.battery_phases / 1000, f"a phase has {max(known):.0f} of {fuse:g} A"

    def _peak_room(self, grid_kw: float | None, now: datetime) -> tuple[float, str] | None:
        """Return the room below what may flow for the rest of the running period."""
        if not self._settings.month_peak or grid_kw is None:
            return None
        window = peak_window(self._inputs.site, self._inputs.plan(), now)
        if window is None:
            return None
        allowed = self._meter.allowed_kw(window, max(grid_kw, 0.0), now)
        return allowed - grid_kw, f"the running period's mean is held at {window.level_kw:.1f} kW"

    def _grid_kw(self, read: Read) -> float | None:
        """Return the power at the grid connection, positive for import [kW]; None where the sensor has no value."""
        sensor = self._settings.grid_power
        if sensor is None:
            return None
        value = _value(read, sensor.removeprefix("-"), {"W": 0.001, "kW": 1.0})
        return value if value is None or not sensor.startswith("-") else -value


def _value(read: Read, entity: str, scales: dict[str, float]) -> float | None:
    """Return a sensor's value in one unit; None where it has none, or another unit."""
    try:
        state = read(entity)
    except HomeAssistantError:
        return None
    value, scale = number_of(state), scales.get(unit_of(state))
    return None if value is None or scale is None else value * scale
