"""The writes of an inverter's profile: its steps with the entities, devices and units of one home.

A command is the profile's default with the command's own steps in the place of those of the same entities, so that no
command leaves anything behind for the next.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from darkstar_pipeline.config.household.inverter import InverterSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.inverters.profile import (
    ON_OFF,
    PERIOD_UNITS,
    POWER_UNITS,
    EntityFact,
    InverterProfile,
    Step,
    Steps,
)
from darkstar_pipeline.inverters.profile import Action as Command
from darkstar_pipeline.service.home_assistant.profiles import WATTS, Action, Write

if TYPE_CHECKING:
    from darkstar_pipeline.service.schemas.plans import CommandDocument

MOST = 1e6
"""Stands for the largest number that an entity takes, until that is read."""
_SETTINGS = "home_assistant.control.inverter"
_NAME = re.compile(r"\{([a-z_.]+)\}")


class InverterWrites:
    """Makes the writes of a profile for one home.

    Args:
        profile: of the inverter's family.
        settings: entities, devices and own values of the home.
        throttles: whether surplus may be curtailed.

    Raises:
        ConfigurationError: the settings lack what the profile needs, or name what it does not know.
    """

    def __init__(self, profile: InverterProfile, settings: InverterSettings, *, throttles: bool) -> None:
        self._profile, self._settings = profile, settings
        _check_names(profile, settings)
        self._default = self._possible(profile.default)
        self._rests = {step.role: rest for step in self._default if (rest := self._rest(step)) is not None}
        self._check_default()
        self.can_throttle = throttles and bool(profile.throttle) and self._has((*profile.throttle, *profile.release))
        self._release = profile.release if self.can_throttle else ()

    def can(self, action: Command) -> bool:
        """Return whether the profile has a command, and the home its entities."""
        steps = self._profile.commands.get(action)
        return steps is not None and self._has(steps)

    def takes_power(self, action: Command) -> bool:
        """Return whether a command's power reaches the inverter."""
        return any(step.of_power for step in self._profile.commands[action])

    def default(self) -> list[Write]:
        """Return the writes that make the inverter run its own default."""
        return [self._write(step, None) for step in (*self._default, *self._release)]

    def command(self, action: Command | None, command: "CommandDocument", *, throttled: bool) -> list[Write]:
        """Return the writes of a command; None is the default."""
        own = () if action is None else self._profile.commands[action]
        changed = {step.role for step in own}
        kept = tuple(step for step in self._default if step.role not in changed)
        first = self._profile.throttle if throttled else self._release
        return [self._write(step, command) for step in (*first, *kept, *own)]

    def _possible(self, steps: Steps) -> Steps:
        """Return the steps without those of entities that the home does not have."""
        return tuple(step for step in steps if step.role in self._settings.entities)

    def _has(self, steps: Iterable[Step]) -> bool:
        return all(step.role in self._settings.entities for step in steps)

    def _check_default(self) -> None:
        """Refuse settings without a value of their own that the default restores, or without what a unit needs."""
        steps = (*self._profile.default, *self._profile.release)
        for step in steps:
            if step.own and step.role in self._settings.entities and step.role not in self._settings.own:
                hint = f"set {_SETTINGS}.own.{step.role} to what it is without Darkstar"
                raise ConfigurationError(f"the default of {self._profile.family} restores {step.role}", hint)
            self._check_own(step)
        units = {self._profile.entities[role].unit for role in self._settings.entities}
        if "%" in units and self._settings.rated_kw is None and self._uses_percent():
            message = f"{self._profile.family} takes powers in % of the inverter's rated power"
            raise ConfigurationError(message, f"set {_SETTINGS}.rated_kw")

    def _check_own(self, step: Step) -> None:
        """Refuse a value of the person's own that the entity cannot have."""
        own, kind = self._settings.own.get(step.role), self._profile.entities[step.role].kind
        wanted = {"number": "a number", "switch": "on or off"}.get(kind, "one of its options")
        fits = own is None or (isinstance(own, float) if kind == "number" else isinstance(own, str))
        if not fits or (kind == "switch" and own not in (None, *ON_OFF)):
            raise ConfigurationError(f"{_SETTINGS}.own.{step.role} is {own}", f"write {wanted}")

    def _uses_percent(self) -> bool:
        steps = (step for each in self._profile.commands.values() for step in each)
        return any(step.power is not None and self._profile.entities[step.role].unit == "%" for step in steps)

    def _rest(self, step: Step) -> str | None:
        """Return what ends a mode by a step of the default; None where that sets no mode, or the home's own value."""
        if step.call is not None:
            return str(self._filled(step.shows or "", None))
        return step.to if isinstance(step.to, str) else None

    def _write(self, step: Step, command: "CommandDocument | None") -> Write:
        """Return the write of a step."""
        entity, fact = self._settings.entities[step.role], self._profile.entities[step.role]
        again = None if step.again_after_minutes is None else step.again_after_minutes * 60
        if step.call is not None:
            domain, _, service = step.call.partition(".")
            data = tuple((key, self._filled(value, command)) for key, value in step.data.items())
            shown = str(self._filled(step.shows or "", command))
            ends = self._rests.get(step.role) == shown  # a service that forces something ends what it forced before
            return Write(entity, shown, action=Action(domain, service, data), again_seconds=again, ends=ends)
        value, rest = self._value(step, fact, command), self._rests.get(step.role)
        return Write(
            entity,
            value,
            unit=fact.unit if fact.unit in POWER_UNITS else "",
            ramped=False,
            most=step.most,
            read_back=step.read_back,
            again_seconds=again,
            rest=rest,
            ends=step.ends or (rest is not None and value == rest),
            floor=step.own and fact.floor is not None,
        )

    def _value(self, step: Step, fact: EntityFact, command: "CommandDocument | None") -> float | str:
        if step.most:
            return MOST
        if step.own:
            own = self._settings.own[step.role]
            return own if fact.kind != "number" else float(own)
        if step.period:
            return PERIOD_UNITS[fact.unit] * (self._profile.period_minutes or 0)
        if step.power is None or command is None:
            return step.to if step.to is not None else ""
        power_kw: float = getattr(command, f"{step.power}_kw")
        value = self._in_unit(-power_kw if step.negative else power_kw, fact)
        low = value if fact.minimum is None else max(value, fact.minimum)
        return low if fact.maximum is None else min(low, fact.maximum)

    def _in_unit(self, power_kw: float, fact: EntityFact) -> float:
        """Return a power in an entity's unit."""
        if fact.unit == "kW":
            return round(power_kw, 3)
        if fact.unit == "A":
            return round(power_kw * WATTS / self._settings.battery_volts, 1)
        if fact.unit == "%":
            return round(100 * power_kw / (self._settings.rated_kw or 1.0), 1)
        return float(round(power_kw * WATTS))

    def _filled(self, value: float | str, command: "CommandDocument | None") -> float | str:
        """Return a value of a call with what its names stand for; alone, a power stays a number [W]."""
        if not isinstance(value, str):
            return value
        names = {} if command is None else {f: round(getattr(command, f"{f}_kw") * WATTS) for f in _POWERS}
        names |= {f"device.{name}": device for name, device in self._settings.devices.items()}
        names |= {} if self._profile.period_minutes is None else {"period": self._profile.period_minutes}
        whole = _NAME.fullmatch(value)
        if whole is not None and whole[1] in names:
            return names[whole[1]]
        return _NAME.sub(lambda found: str(names.get(found[1], found[0])), value)


_POWERS = ("charge", "discharge", "export")


def _check_names(profile: InverterProfile, settings: InverterSettings) -> None:
    """Refuse names that the profile does not know, and missing entities and devices.

    Raises:
        ConfigurationError: there are such.
    """
    for part, known in (("entities", profile.entities), ("own", profile.entities), ("devices", profile.devices)):
        if unknown := sorted(set(getattr(settings, part)) - set(known)):
            hint = f"it knows {', '.join(known) or 'none'}"
            raise ConfigurationError(f"{_SETTINGS}.{part}: {profile.family} knows no {', '.join(unknown)}", hint)
    missing = [name for name, fact in profile.entities.items() if fact.needed and name not in settings.entities]
    if missing:
        example = profile.entities[missing[0]].matches[0]
        hint = f"set {_SETTINGS}.entities.{missing[0]}, such as {example}"
        raise ConfigurationError(f"{profile.family} needs its entities {', '.join(missing)}", hint)
    if lacking := sorted(set(profile.devices) - set(settings.devices)):
        hint = f"set {_SETTINGS}.devices.{lacking[0]} to the id in the address of its page in Home Assistant"
        raise ConfigurationError(f"{profile.family} needs its devices {', '.join(lacking)}", hint)
    named = list(settings.entities.values())
    if twice := sorted({entity for entity in named if named.count(entity) > 1}):
        both = [name for name, entity in settings.entities.items() if entity == twice[0]]
        hint = "each is an entity of its own: values of one would overwrite those of the other"
        raise ConfigurationError(f"{_SETTINGS}.entities: {' and '.join(both)} are both {twice[0]}", hint)
    for name, entity in settings.entities.items():
        domains = sorted({each.partition(".")[0] for each in profile.entities[name].matches})
        if entity.partition(".")[0] not in _beside(domains):
            hint = f"name one that begins with {' or '.join(domains)}"
            raise ConfigurationError(f"{_SETTINGS}.entities.{name} is {entity}", hint)


def _beside(domains: list[str]) -> set[str]:
    """Return domains with the `input_` ones that stand for them."""
    return {name for each in domains for name in (each, f"input_{each}", each.replace("switch", "input_boolean"))}
