"""Translates commands into writes: by the entities that a person mapped, or by the profile of the inverter's family.

What does not belong here: the plain profiles (`profiles`), the profiles' data (`darkstar_pipeline.inverters`), and
writing (`entity_writer`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from darkstar_pipeline.config.home_assistant import ControlSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.inverters.catalogue import profile_of
from darkstar_pipeline.service.home_assistant.inverter_writes import InverterWrites
from darkstar_pipeline.service.home_assistant.profiles import (
    Write,
    command_writes,
    default_writes,
    import_limit_writes,
)

if TYPE_CHECKING:
    from darkstar_pipeline.inverters.profile import Action
    from darkstar_pipeline.service.schemas.plans import CommandDocument

NO_THROTTLE = "the panels are not throttled: surplus is sold at a loss, since {why}"


@dataclass(frozen=True)
class Translated:
    """A command as writes.

    Attributes:
        writes: in their order.
        notes: what is not carried out as commanded.
        impossible: why the command cannot be carried out at all; empty where it can.
    """

    writes: tuple[Write, ...]
    notes: tuple[str, ...] = ()
    impossible: str = ""


class Translator(Protocol):
    """Translates commands for one inverter.

    Attributes:
        lacks: what it cannot do of what a plan may ask, in words.
        throttles: whether it keeps surplus from being sold.
    """

    lacks: tuple[str, ...]
    throttles: bool

    @property
    def settles_seconds(self) -> float:
        """Time within which the entities show what was written, at the least [s]."""
        ...

    def default(self) -> list[Write]:
        """Return the writes that make the inverter run its own default."""
        ...

    def command(self, command: "CommandDocument") -> Translated:
        """Return the writes that carry out a command in force."""
        ...


class MappedInverter:
    """An inverter whose entities a person has mapped.

    Args:
        settings: profile and mapping.
        discharge_kw: the battery's largest discharge power [kW].
    """

    def __init__(self, settings: ControlSettings, discharge_kw: float) -> None:
        self._settings, self._discharge_kw = settings, discharge_kw
        self.settles_seconds = settings.confirm_seconds
        self.lacks: tuple[str, ...] = ()
        mapped = settings.mapping.export is not None and settings.mapping.default_export_kw is not None
        # the export entity can be held at zero, and the default restores it
        self.throttles = mapped and settings.profile != "work_mode"

    def default(self) -> list[Write]:
        """Return the writes that make the inverter run its own default."""
        return default_writes(self._settings, self._discharge_kw)

    def command(self, command: "CommandDocument") -> Translated:
        """Return the writes that carry out a command in force."""
        if not command.throttled:
            return Translated(tuple(command_writes(command, self._settings, self._discharge_kw)))
        if self.throttles:  # by its export power of zero, also where the rest is the inverter's default
            command = command.model_copy(update={"default": False, "export_kw": 0.0})
            return Translated(tuple(command_writes(command, self._settings, self._discharge_kw)))
        why = "mapping.export and mapping.default_export_kw are not both set, or the profile is work_mode"
        writes = tuple(command_writes(command, self._settings, self._discharge_kw))
        return Translated(writes, (NO_THROTTLE.format(why=why),))


class ProfiledInverter:
    """An inverter that is controlled by the profile of its family.

    Args:
        settings: of control.
        discharge_kw: the battery's largest discharge power [kW].
        throttles: whether surplus may be curtailed (`limits.curtailable`).

    Raises:
        ConfigurationError: there is no such profile, or the settings do not name what it needs.
    """

    def __init__(self, settings: ControlSettings, discharge_kw: float, *, throttles: bool) -> None:
        profile = profile_of(settings.inverter.family or "", settings.inverter.profiles_folder)
        self._settings, self._discharge_kw, self._title = settings, discharge_kw, profile.title
        self.settles_seconds = max(settings.confirm_seconds, profile.settles_seconds)
        if settings.enabled:
            _check_lease(settings, self.settles_seconds)
        self._writes = InverterWrites(profile, settings.inverter, throttles=throttles)
        self.lacks = tuple(words for action, words in _LACKING.items() if not self._writes.can(action))
        self.throttles = self._writes.can_throttle

    def default(self) -> list[Write]:
        """Return the writes that make the inverter run its own default; the import limit last, it charges nothing."""
        return [*self._writes.default(), *import_limit_writes(self._settings.mapping, None)]

    def command(self, command: "CommandDocument") -> Translated:
        """Return the writes that carry out a command in force: a limit first, throttling before what would sell."""
        action, why = self._action(command)
        if action is not None and not self._writes.can(action):
            impossible = f"{self._title} cannot {_WORDS[action]}: it runs its own default"
            return Translated(tuple(self.default()), impossible=impossible)
        throttled = command.throttled and self.throttles
        notes = [why] if why else []
        if action in ("charge", "export") and not self._writes.takes_power(action):
            notes.append(f"{self._title} does not take a power: it {_WORDS[action].partition(' ')[0]}s at its own")
        if command.throttled and not throttled:
            notes.append(NO_THROTTLE.format(why=f"{self._title} cannot, or its entities are not named"))
        limit = import_limit_writes(self._settings.mapping, command.import_limit_kw)
        writes = self._writes.command(action, command, throttled=throttled)
        notes += [f"{write.entity} does not show what is written to it" for write in writes if not write.read_back]
        return Translated((*limit, *writes), tuple(notes))

    def _action(self, command: "CommandDocument") -> "tuple[Action | None, str]":
        """Return the profile's command that is meant, None for the default; and how that differs, where it does."""
        if command.charge_kw > 0:
            return "charge", ""
        if command.discharge_kw > 0:
            return self._discharging(command)
        if command.export_kw > 0 and not self._writes.can("sell_surplus"):
            return "hold", f"{self._title} cannot sell surplus before the battery is full; it holds"
        return ("sell_surplus" if command.export_kw > 0 else "hold"), ""

    def _discharging(self, command: "CommandDocument") -> "tuple[Action | None, str]":
        if command.export_kw > 0:
            return "export", ""
        full = command.discharge_kw >= self._discharge_kw
        if full or not self._writes.can("discharge"):
            return None, "" if full else f"{self._title} cannot cover the house with less than all its power"
        return "discharge", ""


def _check_lease(settings: ControlSettings, settles_seconds: float) -> None:
    """Refuse a lease that is over before a command of the profile was read back.

    Raises:
        ConfigurationError: it is.
    """
    try:
        settings.check_lease(settles_seconds)
    except ValueError as error:
        why, _, remedy = str(error).rpartition(": ")
        raise ConfigurationError(why, remedy) from None


_WORDS: "dict[Action, str]" = {
    "charge": "charge from the grid",
    "hold": "hold its battery",
    "discharge": "cover the house from its battery",
    "export": "sell from its battery",
    "sell_surplus": "sell surplus before its battery is full",
}


_LACKING: "dict[Action, str]" = {**_WORDS, "discharge": "cover the house with a part of its power"}
"""A profile without the command covers the house with all its power, by its default."""


def translator_of(settings: ControlSettings, discharge_kw: float, *, throttles: bool) -> Translator:
    """Return what translates the commands of a site.

    Args:
        settings: of control.
        discharge_kw: the battery's largest discharge power [kW].
        throttles: whether surplus may be curtailed (`limits.curtailable`).

    Raises:
        ConfigurationError: there is no such profile, or the settings do not name what it needs.
    """
    if settings.profile != "inverter":
        return MappedInverter(settings, discharge_kw)
    return ProfiledInverter(settings, discharge_kw, throttles=throttles)
