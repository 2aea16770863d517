"""Translates a command into values of an inverter's entities: by power, by current, or by work mode; and its default.

A write is an entity and the value it is to have. Numbers are in the entity's unit; `entity_values` keeps them within
its `min` and `max`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings

if TYPE_CHECKING:  # it brings the planner with it: 1.3 s and 100 MB that the guard need not pay
    from darkstar_pipeline.service.schemas.plans import CommandDocument

WATTS = 1000.0
SWITCHES = ("switch", "input_boolean")
"""Domains of entities that are on or off."""
_SERVICES = {
    "number": "set_value",
    "input_number": "set_value",
    "select": "select_option",
    "input_select": "select_option",
}


@dataclass(frozen=True)
class Action:
    """A call of a service of an integration, where no entity takes the value.

    Attributes:
        domain: of the service.
        service: its name in it.
        data: its data, as pairs.
    """

    domain: str
    service: str
    data: tuple[tuple[str, float | str], ...]


@dataclass(frozen=True)
class Write:
    """A value that an entity is to have.

    Attributes:
        entity: its id.
        value: a number in its unit, one of its options, or on and off; of an action what the entity then shows.
        unit: unit that the entity has to have; empty for options, and where it does not matter.
        ramped: whether the value may only be approached in steps where there is a ramp.
        action: call that has the effect; None where the entity itself is set.
        most: whether the value is the entity's own largest number, whatever that is.
        read_back: whether the entity shows what was written.
        again_seconds: time after which the inverter forgets the value; None where it does not [s].
        rest: of a mode, what the inverter's default has in its place, and what ends it; None of what is no mode.
        ends: whether it ends what may be running, so that the others wait until it stands.
        floor: whether it is the person's own floor of the stored energy.
    """

    entity: str
    value: float | str
    unit: str = ""
    ramped: bool = True
    action: Action | None = None
    most: bool = False
    read_back: bool = True
    again_seconds: float | None = None
    rest: str | None = None
    ends: bool = False
    floor: bool = False

    @property
    def domain(self) -> str:
        """Domain of the service that has the effect."""
        return self.entity.partition(".")[0] if self.action is None else self.action.domain

    @property
    def service(self) -> str:
        """Name of the service that has the effect.

        Raises:
            KeyError: no service sets entities of this domain.
        """
        if self.action is not None:
            return self.action.service
        if self.domain in SWITCHES:
            return "turn_on" if self.value == "on" else "turn_off"
        return _SERVICES[self.domain]

    @property
    def data(self) -> dict[str, float | str]:
        """Data of the service call."""
        if self.action is not None:
            return dict(self.action.data)
        if self.domain in SWITCHES:
            return {"entity_id": self.entity}
        key = "option" if isinstance(self.value, str) else "value"
        return {"entity_id": self.entity, key: self.value}


def command_writes(command: "CommandDocument", settings: ControlSettings, discharge_kw: float) -> list[Write]:
    """Return the writes that carry out a command; the import limit before what it is to limit.

    Args:
        command: a verified command in force.
        settings: profile and mapping.
        discharge_kw: the battery's largest discharge power [kW].
    """
    if command.default:
        return default_writes(settings, discharge_kw)
    mapping = settings.mapping
    limit = import_limit_writes(mapping, command.import_limit_kw)
    if settings.profile == "work_mode":
        return [*limit, *_by_work_mode(command, mapping)]
    powers = ((mapping.charge, command.charge_kw), (mapping.discharge, command.discharge_kw))
    return [*limit, *_numbers(mapping, *powers), *_numbers(mapping, (mapping.export, command.export_kw))]


def default_writes(settings: ControlSettings, discharge_kw: float) -> list[Write]:
    """Return the writes that make the inverter run its own default; the import limit last, it charges nothing."""
    mapping = settings.mapping
    limit = import_limit_writes(mapping, None)
    discharge = mapping.default_discharge_kw if mapping.default_discharge_kw is not None else discharge_kw
    if settings.profile == "work_mode" and mapping.mode is not None:
        return [Write(mapping.mode, mapping.mode_default), *limit]
    export = None if mapping.default_export_kw is None else mapping.export
    numbers = _numbers(
        mapping,
        (mapping.charge, mapping.default_charge_kw),
        (mapping.discharge, discharge),
        (export, mapping.default_export_kw or 0.0),
    )
    return [*numbers, *limit]


def import_limit_writes(mapping: ControlMapping, limit_kw: float | None) -> list[Write]:
    """Return the write of an import limit, the default's where none is commanded; none where it is not mapped.

    It has no ramp: on its way down every step would let peaks through.
    """
    if mapping.import_limit is None or mapping.default_import_limit_kw is None:
        return []
    power_kw = mapping.default_import_limit_kw if limit_kw is None else min(limit_kw, mapping.default_import_limit_kw)
    value = round(power_kw, 3) if mapping.import_limit_unit == "kW" else float(round(power_kw * WATTS))
    return [Write(mapping.import_limit, value, mapping.import_limit_unit, ramped=False)]


def _by_work_mode(command: "CommandDocument", mapping: ControlMapping) -> list[Write]:
    """Return the power before the mode, so that a mode never runs with the power of another."""
    if command.charge_kw > 0:
        numbers, mode = _numbers(mapping, (mapping.charge, command.charge_kw)), mapping.mode_charge
    elif command.discharge_kw > 0 and command.export_kw > 0:
        powers = ((mapping.discharge, command.discharge_kw), (mapping.export, command.export_kw))
        numbers, mode = _numbers(mapping, *powers), mapping.mode_export
    elif command.discharge_kw > 0:
        numbers, mode = _numbers(mapping, (mapping.discharge, command.discharge_kw)), mapping.mode_discharge
    else:
        numbers, mode = [], mapping.mode_hold
    return [*numbers, *([] if mapping.mode is None else [Write(mapping.mode, mode)])]


def _numbers(mapping: ControlMapping, *powers: tuple[str | None, float]) -> list[Write]:
    """Return writes of powers in the entities' unit; entities that are not mapped are left out."""
    return [Write(entity, in_unit(power, mapping), mapping.unit) for entity, power in powers if entity is not None]


def in_unit(power_kw: float, mapping: ControlMapping) -> float:
    """Return a power in the entities' unit: W, kW, or A at the battery's voltage.

    >>> in_unit(2.5, ControlMapping(unit="A", battery_volts=50.0))
    50.0
    """
    if mapping.unit == "kW":
        return round(power_kw, 3)
    if mapping.unit == "A":
        return round(power_kw * WATTS / mapping.battery_volts, 1)
    return float(round(power_kw * WATTS))
